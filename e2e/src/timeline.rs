//! Reads a page's timeline by scrolling through it, because only rows near the viewport are in the document.

use crate::{Page, view::ShownMessage};

impl Page {
    /// Scrolls from the start of the room to its end and returns all messages, waiting for gaps to load. The page must be
    /// visible.
    ///
    /// # Panics
    /// If a gap does not load, or two consecutive viewports do not overlap.
    pub async fn read_all_messages(&self) -> Vec<ShownMessage> {
        self.eval(READ_THROUGH, vec![]).await
    }

    /// The contents of [`Self::read_all_messages`].
    ///
    /// # Panics
    /// As [`Self::read_all_messages`].
    pub async fn read_all_contents(&self) -> Vec<String> {
        self.read_all_messages().await.into_iter().map(|message| message.content).collect()
    }

    /// Waits until the view is at the end of the timeline.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_at_end(&self) {
        let script = "const timeline = document.querySelector('#timeline'); \
                      const below = timeline.scrollHeight - timeline.clientHeight - timeline.scrollTop; \
                      return below <= 2 || below";
        self.until_true("the view is at the end", script).await;
    }

    /// Waits until a message with these words is inside the viewport.
    ///
    /// # Panics
    /// If the deadline passes.
    pub async fn until_in_view(&self, words: &str) {
        let script = r"
            const viewport = document.querySelector('#timeline').getBoundingClientRect();
            const row = [...document.querySelectorAll('#timeline .message')].find((e) => e.textContent.includes(WORDS));
            if (!row) return 'not in the document';
            const { top, bottom } = row.getBoundingClientRect();
            return (viewport.top <= top && bottom <= viewport.bottom) || { top, bottom };
        ";
        let script = script.replace("WORDS", &serde_json::to_string(words).unwrap());
        self.until_true(&format!("{words} is in view"), &script).await;
    }

    /// Scrolls up by `step` pixels in each animation frame, for `frames` frames, or until the top. Returns the largest
    /// distance in pixels by which the text of a visible message shifted beyond the scrolled distance.
    ///
    /// # Panics
    /// If the page does not respond.
    pub async fn scroll_up(&self, step: f64, frames: u32) -> f64 {
        self.eval(&format!("{DRAWN}{SCROLL_UP}"), vec![step.into(), frames.into()]).await
    }

    /// Starts to measure the position of the first fully visible text of a message in each frame; see [`Self::anchor_shift`].
    ///
    /// # Panics
    /// If no message is fully visible.
    pub async fn watch_anchor(&self) {
        self.eval::<()>(&format!("{DRAWN}{WATCH_ANCHOR}"), vec![]).await;
    }

    /// Stops measuring after five more frames. Returns the anchor's largest distance in pixels from its first position.
    ///
    /// # Panics
    /// If no anchor is being measured, or if it was removed from the document.
    pub async fn anchor_shift(&self) -> f64 {
        self.eval(ANCHOR_SHIFT, vec![]).await
    }
}

const READ_THROUGH: &str = r"
    const viewport = document.querySelector('#timeline');
    const edges = () => { const at = viewport.getBoundingClientRect(); return [at.top, at.bottom]; };
    const seen = (row) => { const [top, bottom] = edges(), at = row.getBoundingClientRect(); return at.bottom > top + 1 && at.top < bottom - 1; };
    const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const settle = async () => {
        const until = performance.now() + 15000;
        do {
            await frames();
            if (performance.now() > until) throw new Error('gaps not loaded: ' + [...viewport.querySelectorAll('.gap')].map((e) => e.textContent));
        } while ([...viewport.querySelectorAll('.gap')].some(seen));
    };
    const all = [];
    const collect = () => {
        const rows = [...viewport.querySelectorAll('.row.message')].filter(seen).map((e) => ({
            id: e.dataset.id, content: e.querySelector('.content').textContent, delivery: e.dataset.delivery ?? '',
        }));
        const last = all.at(-1), from = last ? rows.findIndex((row) => row.id === last.id) : -1;
        if (last && rows.length && from < 0) throw new Error(`a gap between ${last.content} and ${rows[0].content}`);
        all.push(...rows.slice(from + 1));
    };
    return (async () => {
        do { viewport.scrollTop = 0; await settle(); } while (viewport.scrollTop > 0);
        for (;;) {
            collect();
            const top = viewport.scrollTop;
            if (top + viewport.clientHeight >= viewport.scrollHeight - 2) return all;
            viewport.scrollTop = top + viewport.clientHeight * 0.6;
            await settle();
        }
    })();
";

/// Positions of rows as drawn. A new IntersectionObserver reports at the end of the frame, after layout. Reading
/// `getBoundingClientRect` instead would force a layout in the middle of a frame and return positions never drawn.
const DRAWN: &str = r"
    const viewport = document.querySelector('#timeline');
    const drawn = (rows) => new Promise((done) => requestAnimationFrame(() => {
        const observer = new IntersectionObserver((entries) => {
            observer.disconnect();
            done(new Map(entries.map((entry) => [entry.target, entry.boundingClientRect.top - entry.rootBounds.top])));
        }, { root: viewport });
        rows.forEach((row) => observer.observe(row));
        if (rows.length === 0) done(new Map());
    }));
";

const SCROLL_UP: &str = r"
    const [step, count] = arguments;
    const wholeRows = (at) => [...at].filter(([row, top]) => top >= 0 && top + row.offsetHeight + step <= viewport.clientHeight);
    const rows = () => [...viewport.querySelectorAll('.row.message .content')];
    return (async () => {
        // At the end, new messages scroll the view between frames too, so the first step starts from the current layout.
        const edge = viewport.getBoundingClientRect().top + viewport.clientTop;
        let most = 0, before = wholeRows(rows().map((row) => [row, row.getBoundingClientRect().top - edge]));
        for (let n = 0; n < count && viewport.scrollTop > step; n++) {
            viewport.scrollTop -= step;
            // Rows measured before, and rows for the next step.
            const known = before.filter(([row]) => row.isConnected);
            const now = await drawn([...new Set([...known.map(([row]) => row), ...rows()])]);
            for (const [row, top] of known.filter(([row]) => row.isConnected)) {
                most = Math.max(most, Math.abs(now.get(row) - top - step));
            }
            before = wholeRows(now);
        }
        return most;
    })();
";

const WATCH_ANCHOR: &str = r"
    const edge = viewport.getBoundingClientRect().top;
    const anchor = [...viewport.querySelectorAll('.row.message .content')].find((row) => row.getBoundingClientRect().top >= edge);
    const watch = window.anchorWatch = {};
    window.anchorShift = 0;
    return drawn([anchor]).then((at) => {
        const before = at.get(anchor);
        const measure = (at) => {
            const shift = anchor.isConnected ? Math.abs(at.get(anchor) - before) : NaN;
            window.anchorShift = shift <= window.anchorShift ? window.anchorShift : shift;
            if (window.anchorWatch === watch) drawn([anchor]).then(measure);
        };
        measure(at);
    });
";

const ANCHOR_SHIFT: &str = "return new Promise((done, failed) => { let left = 5; const next = () => { \
    if (left-- > 0) return requestAnimationFrame(next); \
    window.anchorWatch = null; Number.isFinite(window.anchorShift) ? done(window.anchorShift) : failed('the anchor was removed'); }; next(); })";
