//! Tests of all parts together: on a model of the log, with clients that keep the state that they are sent.

mod model;
mod properties;
mod sizes;
mod work;
