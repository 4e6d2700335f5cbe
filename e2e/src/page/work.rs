//! The costs of a page: the work of its main thread, and its elements.

use serde_json::{Value, json};

use super::Page;

/// The work that the main thread of a page has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// CPU time of the main thread in ms. It does not depend on other programs, but on the machine: compare it with that of
    /// another page.
    pub cpu_ms: f64,
    /// The number of layouts.
    pub layouts: f64,
    /// The number of recalculations of styles.
    pub styles: f64,
}

impl std::ops::Sub for Work {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms - before.cpu_ms,
            layouts: self.layouts - before.layouts,
            styles: self.styles - before.styles,
        }
    }
}

impl Page {
    /// The work that the main thread has done so far. Chromium only.
    ///
    /// # Panics
    /// In any other browser.
    pub async fn work(&self) -> Work {
        self.devtools("Performance.enable", json!({ "timeDomain": "threadTicks" })).await;
        let metrics = self.devtools("Performance.getMetrics", json!({})).await;
        let metrics = metrics["metrics"].as_array().cloned().unwrap_or_default();
        let value = |name: &str| {
            let metric = metrics.iter().find(|metric| metric["name"] == name);
            metric.and_then(|metric| metric["value"].as_f64()).unwrap_or_else(|| panic!("no metric {name}"))
        };
        Work {
            cpu_ms: value("TaskDuration") * 1e3,
            layouts: value("LayoutCount"),
            styles: value("RecalcStyleCount"),
        }
    }

    /// Runs the body of an asynchronous function, in which `frame()` waits until a frame is complete. Returns what it has cost.
    ///
    /// # Panics
    /// If it throws, and in other browsers than Chromium.
    pub async fn work_of(&self, body: &str) -> Work {
        let script = format!(
            "const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
             return (async () => {{ {body} }})()"
        );
        let before = self.work().await;
        self.eval::<Value>(&script, vec![]).await;
        self.work().await - before
    }
}
