//! People: who may sign in, and who may do what.

use footfall_metadata::{Email, Error, NewUser, Role, UserStatus};

use crate::metadata::fixture::{Fixture, site};

fn email(text: &str) -> Email {
    text.parse().expect("an address")
}

fn person(address: &str) -> NewUser {
    NewUser {
        email: email(address),
        name: "Somebody".to_owned(),
        company: Some("Juniper & Co.".to_owned()),
        position: None,
        password: None,
    }
}

pub(crate) async fn one_signs_in_with_the_password_that_was_set(fixture: &Fixture) {
    let metadata = fixture.open().await;
    let ada = email("ada@example.com");
    let added = metadata.add_user(person("ada@example.com")).await.expect("added");
    assert!(!added.has_password && added.last_login_at.is_none() && added.status == UserStatus::Active);
    let sign_in = async |address: &Email, password: &str| {
        metadata.sign_in(address, password.to_owned()).await.expect("an answer").map(|user| user.email)
    };
    assert_eq!(sign_in(&ada, "!").await, None, "a locked account has no password");
    let password = "correct horse battery".parse().expect("long enough");
    assert!(metadata.set_password(&ada, password).await.expect("set").has_password);
    assert_eq!(sign_in(&ada, "correct horse battery").await.as_deref(), Some("ada@example.com"));
    assert!(metadata.user(&ada).await.expect("an answer").expect("there").last_login_at.is_some());
    assert_eq!(sign_in(&ada, "correct horse batterY").await, None);
    assert_eq!(sign_in(&email("bob@example.com"), "correct horse battery").await, None);
    let hashes = fixture.texts("SELECT password_hash FROM users").await;
    assert!(hashes[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashes:?}");

    for (status, signs_in) in
        [(UserStatus::Suspended, false), (UserStatus::Active, true), (UserStatus::Deleted, false)]
    {
        metadata.set_user_status(&ada, status).await.expect("set");
        assert_eq!(sign_in(&ada, "correct horse battery").await.is_some(), signs_in, "{status}");
    }
    assert_eq!(fixture.texts("SELECT password_hash FROM users").await, ["!"], "nothing is left of it");
    let unknown = metadata.set_user_status(&email("bob@example.com"), UserStatus::Active).await;
    assert!(matches!(unknown, Err(Error::Unknown(_))), "{unknown:?}");
    metadata.close().await;
}

pub(crate) async fn an_address_is_one_user_however_it_is_written(fixture: &Fixture) {
    let metadata = fixture.open().await;
    metadata.add_user(person("Ada@Example.COM")).await.expect("added");
    let taken = metadata.add_user(person("ada@example.com")).await.expect_err("there");
    assert_eq!(taken.to_string(), "there is already a user ada@example.com");
    metadata.add_user(person("ada@bücher.example")).await.expect("added");
    let users: Vec<_> =
        metadata.users().await.expect("an answer").into_iter().map(|user| user.email).collect();
    assert_eq!(users, ["ada@example.com", "ada@xn--bcher-kva.example"]);
    metadata.close().await;
}

pub(crate) async fn a_website_has_one_owner_and_both_tables_name_the_same(fixture: &Fixture) {
    let metadata = fixture.open().await;
    let website = metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    let (owner, ada) = (email("owner@localhost"), email("ada@example.com"));
    metadata.add_user(person("ada@example.com")).await.expect("added");

    let refused = metadata.set_user_status(&owner, UserStatus::Deleted).await.expect_err("an owner stays");
    assert!(refused.to_string().contains("owns FF-DEMO-1"), "{refused}");
    for refused in [
        metadata.grant(&website, &owner, Role::Viewer, None).await.map(drop),
        metadata.revoke(&website, &owner).await,
    ] {
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    let granted = metadata.grant(&website, &ada, Role::Owner, Some(&owner)).await.expect("given away");
    assert_eq!((granted.role, granted.granted_by.as_deref()), (Role::Owner, Some("owner@localhost")));
    let website = metadata.website("FF-DEMO-1").await.expect("an answer").expect("there");
    assert_eq!(website.owner, "ada@example.com");
    let roles: Vec<_> = metadata
        .permissions(&website)
        .await
        .expect("an answer")
        .into_iter()
        .map(|permission| (permission.role, permission.email))
        .collect();
    assert_eq!(
        roles,
        [(Role::Owner, "ada@example.com".to_owned()), (Role::Admin, "owner@localhost".to_owned())]
    );
    metadata.revoke(&website, &owner).await.expect("an administrator goes");
    metadata.set_user_status(&owner, UserStatus::Deleted).await.expect("deleted");
    let back = metadata.grant(&website, &owner, Role::Owner, None).await.expect_err("deleted");
    assert!(matches!(back, Error::Unknown(_)), "{back}");
    assert_eq!(
        metadata.website("FF-DEMO-1").await.expect("an answer").expect("there").owner,
        "ada@example.com"
    );
    metadata.close().await;
}

pub(crate) async fn permissions_are_given_changed_and_taken(fixture: &Fixture) {
    let metadata = fixture.open().await;
    let website = metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    let ada = email("ada@example.com");
    let unknown = metadata.grant(&website, &ada, Role::Viewer, None).await.expect_err("nobody");
    assert!(matches!(unknown, Error::Unknown(_)), "{unknown}");
    metadata.add_user(person("ada@example.com")).await.expect("added");
    for role in [Role::Viewer, Role::Editor, Role::Admin] {
        let granted = metadata.grant(&website, &ada, role, None).await.expect("granted");
        assert_eq!((granted.role, granted.granted_by), (role, None));
    }
    let of_ada = metadata.permissions_of(&ada).await.expect("an answer");
    assert_eq!(of_ada.len(), 1);
    assert_eq!((of_ada[0].tracking_id.as_str(), of_ada[0].role), ("FF-DEMO-1", Role::Admin));
    metadata.revoke(&website, &ada).await.expect("taken");
    let again = metadata.revoke(&website, &ada).await.expect_err("nothing left");
    assert!(matches!(again, Error::Unknown(_)), "{again}");
    metadata.close().await;
}
