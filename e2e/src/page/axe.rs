//! Checks of the current screen by axe-core. Chromium only.

use std::fs;

use serde_json::Value;

use super::Page;
use crate::environment::Environment;

/// Script that returns the violations as sentences. It checks what WCAG 2.2 demands, and best practices.
const RUN: &str = "
    const options = { resultTypes: ['violations'], preload: false, elementRef: false };
    return axe.run(document, options).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) =>
            `axe: ${id}: ${target.flat().join(' ')}: ${failureSummary.replaceAll(/\\s+/g, ' ')}`)));
";

impl Page {
    /// The violations of rules of accessibility on the current screen, as sentences.
    ///
    /// # Panics
    /// If `PARLOUR_AXE` is not the path of axe-core, or axe-core fails.
    pub async fn axe_violations(&self) -> Vec<String> {
        let is_loaded: bool = self.eval("return typeof axe === 'object'", vec![]).await;
        if !is_loaded {
            let script = fs::read_to_string(Environment::program("PARLOUR_AXE")).expect("read axe-core");
            self.eval::<Value>(&script, vec![]).await;
        }
        self.eval(RUN, vec![]).await
    }
}
