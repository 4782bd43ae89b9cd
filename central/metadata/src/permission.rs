//! Who may do what with which website. The owner is the one that the website names: giving the role `owner` changes that, and who was
//! it before becomes an administrator.

use serde::Serialize;

use super::timestamp::Timestamp;
use super::value::Row;
use super::{Email, Error, Metadata, Role, Website};

/// One row of who may do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// Of the website.
    pub tracking_id: String,
    /// Of the user.
    pub email: String,
    /// What the user may.
    pub role: Role,
    /// RFC 3339, UTC.
    pub granted_at: String,
    /// Whose decision it was, if somebody said.
    pub granted_by: Option<String>,
}

impl Metadata {
    /// Who may do what with the website, the most powerful first.
    pub async fn permissions(&self, website: &Website) -> Result<Vec<Permission>, Error> {
        let values = [website.tracking_id.as_str().into(), None::<&str>.into()];
        let rows = self.database()?.rows(include_str!("sql/permissions.sql"), &values).await?;
        let mut permissions = rows.iter().map(Permission::read).collect::<Result<Vec<_>, _>>()?;
        permissions.sort_by_key(|permission| permission.role);
        Ok(permissions)
    }

    /// What the user may do with which website.
    pub async fn permissions_of(&self, email: &Email) -> Result<Vec<Permission>, Error> {
        let values = [None::<&str>.into(), email.as_str().into()];
        let rows = self.database()?.rows(include_str!("sql/permissions.sql"), &values).await?;
        rows.iter().map(Permission::read).collect()
    }

    /// Gives the user `role` on the website, in the location of the one before. The owner's can only be given away.
    pub async fn grant(
        &self,
        website: &Website,
        email: &Email,
        role: Role,
        granted_by: Option<&Email>,
    ) -> Result<Permission, Error> {
        let granted_by = granted_by.map(Email::as_str);
        let mut transaction = self.database()?.begin_write().await?;
        let (id, person) = (website.tracking_id.as_str(), email.as_str());
        if role == Role::Owner {
            transaction.rows(include_str!("sql/give_away.sql"), &[id.into(), person.into()]).await?;
            transaction
                .rows(include_str!("sql/granted_by.sql"), &[id.into(), person.into(), granted_by.into()])
                .await?;
        } else {
            owner_is_not(website, email)?;
            let values =
                [id.into(), person.into(), role.as_str().into(), granted_by.into(), Timestamp::now().into()];
            transaction.rows(include_str!("sql/grant.sql"), &values).await?;
        }
        let rows = transaction.rows(include_str!("sql/permissions.sql"), &[id.into(), person.into()]).await?;
        let granted = rows.first().map(Permission::read).transpose()?;
        match granted {
            Some(granted) if granted.role == role => {
                transaction.commit().await?;
                Ok(granted)
            }
            _ => Err(Error::Unknown(format!("user {email} who is not deleted"))),
        }
    }

    /// Takes from the user whatever he may do with the website. Not from its owner.
    pub async fn revoke(&self, website: &Website, email: &Email) -> Result<(), Error> {
        owner_is_not(website, email)?;
        let values = [website.tracking_id.as_str().into(), email.as_str().into()];
        let revoked = self.database()?.rows(include_str!("sql/revoke.sql"), &values).await?;
        if revoked.is_empty() {
            return Err(Error::Unknown(format!("permission of {email} on {}", website.tracking_id)));
        }
        Ok(())
    }
}

/// Says it better than the database, which holds it too.
fn owner_is_not(website: &Website, email: &Email) -> Result<(), Error> {
    if website.owner != email.as_str() {
        return Ok(());
    }
    let sentence =
        format!("{email} owns {}: grant the role owner to somebody else first", website.tracking_id);
    Err(Error::Forbidden(sentence))
}

impl Permission {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tracking_id: row.text("tracking_id")?,
            email: row.text("email")?,
            role: row.word("role")?,
            granted_at: row.timestamp("granted_at")?,
            granted_by: row.optional_text("granted_by")?,
        })
    }
}
