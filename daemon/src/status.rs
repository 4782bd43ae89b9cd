//! A cell that holds what is wrong with a part of a program, in a sentence, or nothing. Whoever shows it does not know who fills it.

use std::sync::{Arc, Mutex, PoisonError};

/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Status(Arc<Mutex<Option<String>>>);

impl Status {
    /// Begins with a sentence: what has not begun yet does not work either.
    pub fn failing(sentence: impl Into<String>) -> Self {
        Self(Arc::new(Mutex::new(Some(sentence.into()))))
    }

    /// It does not do its work. Says whether that is news: another sentence, or the first.
    pub fn fail(&self, sentence: impl Into<String>) -> bool {
        self.set(Some(sentence.into()))
    }

    /// It does. Says whether that is news.
    pub fn recover(&self) -> bool {
        self.set(None)
    }

    /// Either. Says whether that is news.
    pub fn set(&self, fault: Option<String>) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = *held != fault;
        *held = fault;
        news
    }

    /// What is wrong.
    pub fn fault(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing is.
    pub fn is_well(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_seen_by_all_clones_and_is_news_once() {
        let status = Status::default();
        let shown = status.clone();
        assert!(status.fail("the disk is full"));
        assert!(!status.fail("the disk is full"));
        assert_eq!(shown.fault().as_deref(), Some("the disk is full"));
        assert!(status.fail("the disk is gone") && !shown.is_well());
        assert!(status.recover() && !status.recover());
        assert!(shown.is_well() && shown.fault().is_none());
        assert_eq!(Status::failing("not yet").fault().as_deref(), Some("not yet"));
    }
}
