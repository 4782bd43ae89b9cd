//! Decodes a stream of LZ4 frames.
//!
//! The decoder of `lz4_flex` takes the end of its input between two blocks for the end of the frame, and stops after a
//! frame though another follows (and, used again, minds a smaller block size): here a cut is an error, and each frame gets a
//! decoder of its own.

use lz4_flex::frame::FrameDecoder;
use std::io::{self, Read};

/// LZ4 frames, one after the other, each whole.
pub(super) struct Frames<R: Read> {
    decoder: Option<FrameDecoder<Watched<R>>>,
    /// A frame has ended, or none has begun.
    between: bool,
}

/// Counts what a decoder has read.
struct Watched<R> {
    bytes: R,
    taken: u64,
    ended: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.bytes.read(buffer)?;
        self.taken += length as u64;
        self.ended |= length == 0 && !buffer.is_empty();
        Ok(length)
    }
}

impl<R: Read> Frames<R> {
    pub(super) fn new(bytes: R) -> Self {
        let watched = Watched { bytes, taken: 0, ended: false };
        Self { decoder: Some(FrameDecoder::new(watched)), between: true }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(decoder) = &mut self.decoder else {
                return Ok(0);
            };
            let taken = decoder.get_ref().taken;
            let length = decoder.read(buffer)?;
            let input = decoder.get_ref();
            if length > 0 {
                self.between = false;
                return Ok(length);
            }
            match (input.ended, self.between && input.taken == taken) {
                (true, true) => return Ok(0),
                (true, false) => return Err(io::ErrorKind::UnexpectedEof.into()),
                // The decoder stopped at a frame's end mark.
                (false, _) => {
                    self.between = true;
                    self.decoder = self.decoder.take().map(|ended| FrameDecoder::new(ended.into_inner()));
                }
            }
        }
    }
}
