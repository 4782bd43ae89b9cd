//! The metadata, told as stories that both backends have to pass: SQLite in a temporary folder, and a database of its own for each
//! story on the real PostgreSQL.

pub(crate) mod fixture;
mod plans;
mod schema;
mod servers;
mod users;
mod websites;

/// Each story once for each backend.
macro_rules! both {
    ($($story:path => $name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let fixture = crate::metadata::fixture::Fixture::sqlite();
                $story(&fixture).await;
            })*
        }
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let fixture = crate::metadata::fixture::Fixture::postgresql().await;
                $story(&fixture).await;
                fixture.end().await;
            })*
        }
    };
}

both! {
    crate::metadata::schema::many_that_open_at_once_all_succeed => many_that_open_at_once_all_succeed,
    crate::metadata::schema::a_schema_from_the_future_is_refused => a_schema_from_the_future_is_refused,
    crate::metadata::schema::a_migration_that_was_changed_is_refused => a_migration_that_was_changed_is_refused,
    crate::metadata::schema::what_the_seed_does_not_name_is_refused => what_the_seed_does_not_name_is_refused,
    crate::metadata::schema::every_table_of_the_seed_is_there => every_table_of_the_seed_is_there,
    crate::metadata::websites::one_is_found_by_either_id => one_is_found_by_either_id,
    crate::metadata::websites::a_tracking_id_belongs_to_one_even_after_it_is_deleted => a_tracking_id_belongs_to_one_even_after_it_is_deleted,
    crate::metadata::websites::adding_what_is_there_changes_nothing_when_asked_so => adding_what_is_there_changes_nothing_when_asked_so,
    crate::metadata::websites::the_owner_is_made_once_and_locked => the_owner_is_made_once_and_locked,
    crate::metadata::websites::two_writers_at_once_both_get_their_way => two_writers_at_once_both_get_their_way,
    crate::metadata::websites::every_change_that_edges_must_know_raises_the_revision => every_change_that_edges_must_know_raises_the_revision,
    crate::metadata::websites::a_database_made_anew_outranks_the_one_before_it => a_database_made_anew_outranks_the_one_before_it,
    crate::metadata::websites::the_policy_names_active_and_paused_ones_and_no_deleted_one => the_policy_names_active_and_paused_ones_and_no_deleted_one,
    crate::metadata::websites::a_change_by_another_process_is_noticed_within_two_seconds => a_change_by_another_process_is_noticed_within_two_seconds,
    crate::metadata::users::one_signs_in_with_the_password_that_was_set => one_signs_in_with_the_password_that_was_set,
    crate::metadata::users::an_address_is_one_user_however_it_is_written => an_address_is_one_user_however_it_is_written,
    crate::metadata::users::a_website_has_one_owner_and_both_tables_name_the_same => a_website_has_one_owner_and_both_tables_name_the_same,
    crate::metadata::users::permissions_are_given_changed_and_taken => permissions_are_given_changed_and_taken,
    crate::metadata::plans::a_website_is_changed_paused_and_deleted => a_website_is_changed_paused_and_deleted,
    crate::metadata::plans::properties_are_set_and_unset => properties_are_set_and_unset,
    crate::metadata::plans::a_goal_is_retired_and_never_changed => a_goal_is_retired_and_never_changed,
    crate::metadata::plans::a_funnel_keeps_its_steps => a_funnel_keeps_its_steps,
    crate::metadata::plans::custom_dimensions_and_metrics_are_named => custom_dimensions_and_metrics_are_named,
    crate::metadata::plans::the_dimensions_of_all_websites_come_at_once => the_dimensions_of_all_websites_come_at_once,
    crate::metadata::plans::a_lease_has_one_holder_and_its_token_grows => a_lease_has_one_holder_and_its_token_grows,
    crate::metadata::websites::a_copy_from_before_outranks_what_was_sent => a_copy_from_before_outranks_what_was_sent,
}
