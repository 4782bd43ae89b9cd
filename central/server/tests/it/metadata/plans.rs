//! What is kept about a website besides that it is there.

use std::time::Duration;

use footfall_metadata::{
    Change, Error, GoalType, MatchType, Metadata, MetricType, Pattern, Scope, Status, Steps, Target, Website,
};
use tokio::time::sleep;

use crate::metadata::fixture::{Fixture, site};

async fn with_site(fixture: &Fixture) -> (Metadata, Website) {
    let metadata = fixture.open().await;
    let website = metadata.add_website(site("example.com", Some("FF-DEMO-1"))).await.expect("added");
    (metadata, website)
}

pub(crate) async fn a_website_is_changed_paused_and_deleted(fixture: &Fixture) {
    let (metadata, before) = with_site(fixture).await;
    let unchanged = metadata.change_website("FF-DEMO-1", Change::default()).await.expect("changed");
    assert_eq!(Website { updated_at: before.updated_at.clone(), ..unchanged }, before);
    let change = Change {
        name: Some("The shop".to_owned()),
        domain: Some("shop.example".parse().expect("a domain")),
        extra_domains: Some(vec!["localhost".parse().expect("a domain")]),
        timezone: Some("Europe/Berlin".to_owned()),
        currency: Some("EUR".to_owned()),
        industry: Some("Books".to_owned()),
        bot_filtering_enabled: Some(false),
        ip_anonymization_enabled: Some(false),
        data_retention_days: Some(90),
        sampling_rate: Some(0.25),
    };
    sleep(Duration::from_millis(5)).await;
    let after = metadata.change_website(&before.website_id, change).await.expect("changed");
    assert!(after.updated_at > before.updated_at, "{} after {}", after.updated_at, before.updated_at);
    let expected = Website {
        name: "The shop".to_owned(),
        domain: "shop.example".to_owned(),
        extra_domains: vec!["localhost".to_owned()],
        timezone: "Europe/Berlin".to_owned(),
        currency: "EUR".to_owned(),
        industry: Some("Books".to_owned()),
        bot_filtering_enabled: false,
        ip_anonymization_enabled: false,
        data_retention_days: 90,
        sampling_rate: 0.25,
        updated_at: after.updated_at.clone(),
        ..before
    };
    assert_eq!(after, expected);
    let change =
        Change { industry: Some(String::new()), extra_domains: Some(Vec::new()), ..Change::default() };
    let cleared = metadata.change_website("FF-DEMO-1", change).await.expect("changed");
    assert_eq!((cleared.industry, cleared.extra_domains), (None, Vec::new()));

    for status in [Status::Paused, Status::Paused, Status::Active, Status::Deleted] {
        metadata.set_website_status("FF-DEMO-1", status).await.expect("set");
        let now = metadata.website("FF-DEMO-1").await.expect("an answer").map(|website| website.status);
        assert_eq!(now, (status != Status::Deleted).then_some(status));
    }
    let gone = metadata.set_website_status("FF-DEMO-1", Status::Active).await.expect_err("deleted");
    assert_eq!(gone.to_string(), "there is no website FF-DEMO-1");
    metadata.close().await;
}

pub(crate) async fn properties_are_set_and_unset(fixture: &Fixture) {
    let (metadata, website) = with_site(fixture).await;
    let colour = "brand.colour".parse().expect("a key");
    for value in ["blue", "green"] {
        metadata.set_property(&website, &colour, value).await.expect("set");
    }
    let properties = metadata.properties(&website).await.expect("an answer");
    assert_eq!(properties.len(), 1);
    assert_eq!((properties[0].key.as_str(), properties[0].value.as_deref()), ("brand.colour", Some("green")));
    metadata.unset_property(&website, &colour).await.expect("unset");
    let again = metadata.unset_property(&website, &colour).await.expect_err("nothing left");
    assert_eq!(again.to_string(), "there is no property brand.colour of FF-DEMO-1");
    metadata.close().await;
}

pub(crate) async fn a_goal_is_retired_and_never_changed(fixture: &Fixture) {
    let (metadata, website) = with_site(fixture).await;
    let thanks = Pattern::new(MatchType::Regex, "^/thanks/[0-9]+$").expect("a pattern");
    let target = Target::Destination(thanks);
    let first = metadata.add_goal(&website, "Order", &target).await.expect("added");
    assert!(first.is_active && first.valid_to.is_none() && first.kind == GoalType::Destination);
    let taken = metadata.add_goal(&website, "Order", &Target::Duration(60.0)).await.expect_err("there");
    assert_eq!(taken.to_string(), "there is already a goal \"Order\" that counts");
    let retired = metadata.retire_goal(&website, "Order").await.expect("retired");
    assert!(!retired.is_active && retired.valid_to.as_ref().is_some_and(|end| *end >= retired.valid_from));
    let again = metadata.retire_goal(&website, &first.goal_id).await.expect_err("retired before");
    assert!(matches!(again, Error::Unknown(_)), "{again}");
    let second = metadata.add_goal(&website, "Order", &Target::PagesPerSession(2.5)).await.expect("added");
    assert_eq!((second.value_numeric, second.match_type, second.value.clone()), (Some(2.5), None, None));
    let goals = metadata.goals(&website).await.expect("an answer");
    assert_eq!(goals, [retired, second.clone()], "a session is judged by the goals of its time");
    assert_eq!(goals[0].target().expect("still good"), target);
    metadata.retire_goal(&website, &second.goal_id).await.expect("by its id");
    metadata.close().await;
}

pub(crate) async fn a_funnel_keeps_its_steps(fixture: &Fixture) {
    let (metadata, website) = with_site(fixture).await;
    let text = r#"[
        {"name": "Cart", "type": "page", "match_type": "begins_with", "value": "/cart"},
        {"name": "Paid", "type": "event", "match_type": "equals", "value": "paid"}
    ]"#;
    let steps: Steps = text.parse().expect("good");
    let added = metadata.add_funnel(&website, "Checkout", Some("how they buy"), &steps).await.expect("added");
    assert_eq!(added.steps, steps.as_slice());
    let taken = metadata.add_funnel(&website, "Checkout", None, &steps).await.expect_err("there");
    assert!(matches!(taken, Error::Taken(_)), "{taken}");
    assert_eq!(metadata.funnels(&website).await.expect("an answer"), std::slice::from_ref(&added));
    for id in ["Checkout", &added.funnel_id] {
        assert_eq!(metadata.funnel(&website, id).await.expect("there"), added);
    }
    metadata.remove_funnel(&website, "Checkout").await.expect("removed");
    assert_eq!(metadata.funnels(&website).await.expect("an answer"), []);
    let gone = metadata.funnel(&website, "Checkout").await.expect_err("removed");
    assert_eq!(gone.to_string(), "there is no funnel \"Checkout\" of FF-DEMO-1");
    metadata.close().await;
}

pub(crate) async fn custom_dimensions_and_metrics_are_named(fixture: &Fixture) {
    let (metadata, website) = with_site(fixture).await;
    let index = "20".parse().expect("an index");
    metadata.set_dimension(&website, index, "Author", Scope::Hit).await.expect("set");
    let set = metadata.set_dimension(&website, index, "Plan", Scope::User).await.expect("set again");
    assert_eq!((set.index, set.name.as_str(), set.scope, set.is_active), (20, "Plan", Scope::User, true));
    assert!(!metadata.retire_dimension(&website, index).await.expect("retired").is_active);
    assert!(matches!(metadata.retire_dimension(&website, index).await, Err(Error::Unknown(_))));
    assert_eq!(metadata.dimensions(&website).await.expect("an answer").len(), 1);
    let set = metadata.set_metric(&website, index, "Words", MetricType::Integer).await.expect("set");
    assert_eq!(metadata.metrics(&website).await.expect("an answer"), [set]);
    assert!(!metadata.retire_metric(&website, index).await.expect("retired").is_active);
    assert!(metadata.set_metric(&website, index, "Words", MetricType::Time).await.expect("again").is_active);
    metadata.close().await;
}

pub(crate) async fn the_dimensions_of_all_websites_come_at_once(fixture: &Fixture) {
    let (metadata, website) = with_site(fixture).await;
    let other = metadata.add_website(site("other.example", Some("FF-OTHER"))).await.expect("added");
    let gone = metadata.add_website(site("gone.example", Some("FF-GONE"))).await.expect("added");
    let said = [
        (&website, "3", Scope::User),
        (&website, "12", Scope::Hit),
        (&other, "3", Scope::Session),
        (&gone, "1", Scope::User),
    ];
    for (website, index, scope) in said {
        metadata.set_dimension(website, index.parse().expect("an index"), "Plan", scope).await.expect("set");
    }
    let index = "12".parse().expect("an index");
    metadata.retire_dimension(&website, index).await.expect("retired");
    fixture
        .sql("UPDATE websites SET status = 'deleted' WHERE tracking_id = 'FF-GONE'")
        .await
        .expect("changed");
    let all = metadata.all_dimensions().await.expect("an answer");
    let told = |website: &str| -> Vec<_> {
        let of_website = all.iter().filter(|(id, _)| id == website).map(|(_, dimension)| dimension);
        of_website.map(|dimension| (dimension.index, dimension.scope, dimension.is_active)).collect()
    };
    assert_eq!(told(&website.website_id), [(3, Scope::User, true), (12, Scope::Hit, false)]);
    assert_eq!(told(&other.website_id), [(3, Scope::Session, true)]);
    assert_eq!(all.len(), 3, "none of a website that is deleted");
    assert!(all.is_sorted_by_key(|(website, _)| website), "the websites' are together");
    metadata.close().await;
}

pub(crate) async fn a_lease_has_one_holder_and_its_token_grows(fixture: &Fixture) {
    let (here, elsewhere) = (fixture.open().await, fixture.open().await);
    let long = Duration::from_mins(1);
    let first = here.lease("archive", "here", long).await.expect("an answer").expect("free");
    assert_eq!(elsewhere.lease("archive", "elsewhere", long).await.expect("an answer"), None);
    assert_eq!(here.lease("archive", "here", long).await.expect("an answer"), Some(first), "kept");
    assert!(elsewhere.lease("retention", "elsewhere", long).await.expect("an answer").is_some());

    here.give_up_lease("archive", first).await.expect("given up");
    let short = Duration::from_millis(1);
    let second = elsewhere.lease("archive", "elsewhere", short).await.expect("an answer").expect("free");
    assert!(second > first);
    here.give_up_lease("archive", first).await.expect("not his any more: nothing happens");
    // It ends by itself.
    sleep(Duration::from_millis(20)).await;
    let third = here.lease("archive", "here", long).await.expect("an answer").expect("over");
    assert!(third > second && third.number() > 0);

    let racers = (0..8).map(|racer| {
        let metadata = if racer % 2 == 0 { here.clone() } else { elsewhere.clone() };
        tokio::spawn(async move { metadata.lease("race", &format!("racer {racer}"), long).await })
    });
    let mut won = 0;
    for racer in racers.collect::<Vec<_>>() {
        won += usize::from(racer.await.expect("ran").expect("an answer").is_some());
    }
    assert_eq!(won, 1);
    here.close().await;
    elsewhere.close().await;
}
