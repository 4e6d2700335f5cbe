//! Reading a page's timeline as a person would: by going through it. Only what is on the screen, and a little around it,
//! is in the page.

use crate::{Page, view::Said};

impl Page {
    /// Goes to the beginning of the room and reads to its end, waiting for whatever is missing. Of a page that is seen.
    ///
    /// # Panics
    /// When something stays missing, and when two screens that should overlap don't.
    pub async fn read_through(&self) -> Vec<Said> {
        self.eval(READ_THROUGH, vec![]).await
    }

    /// [`Self::read_through`], of each message what it says.
    ///
    /// # Panics
    /// As there.
    pub async fn read_contents(&self) -> Vec<String> {
        self.read_through().await.into_iter().map(|said| said.content).collect()
    }

    /// Scrolls up so far with each frame of the browser, for so many frames, and gives by how much the lines on the
    /// screen have moved otherwise than they should have, at most. Ends early at the top.
    ///
    /// # Panics
    /// When the page can't be asked.
    pub async fn fling(&self, step: f64, frames: u32) -> f64 {
        self.eval(&format!("{DRAWN}{FLING}"), vec![step.into(), frames.into()]).await
    }

    /// Begins to watch the first line that is seen whole, after each frame; [`Self::moved`] tells.
    ///
    /// # Panics
    /// When there is no line.
    pub async fn watch_line(&self) {
        self.eval::<()>(&format!("{DRAWN}{WATCH}"), vec![]).await;
    }

    /// How far the line that is being watched has been from its place at most, some frames from now.
    ///
    /// # Panics
    /// When no line is being watched.
    pub async fn moved(&self) -> f64 {
        self.eval(MOVED, vec![]).await
    }
}

const READ_THROUGH: &str = r"
    const frame = document.querySelector('#timeline');
    const edges = () => { const at = frame.getBoundingClientRect(); return [at.top, at.bottom]; };
    const seen = (row) => { const [top, bottom] = edges(), at = row.getBoundingClientRect(); return at.bottom > top + 1 && at.top < bottom - 1; };
    const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const settle = async () => {
        const until = performance.now() + 15000;
        do {
            await frames();
            if (performance.now() > until) throw new Error('still missing: ' + [...frame.querySelectorAll('.gap')].map((e) => e.textContent));
        } while ([...frame.querySelectorAll('.gap')].some(seen));
    };
    const all = [];
    const collect = () => {
        const rows = [...frame.querySelectorAll('.row.message')].filter(seen).map((e) => ({
            id: e.dataset.id, content: e.querySelector('.content').textContent, delivery: e.dataset.delivery ?? '',
        }));
        const last = all.at(-1), from = last ? rows.findIndex((row) => row.id === last.id) : -1;
        if (last && rows.length && from < 0) throw new Error(`a hole between ${last.content} and ${rows[0].content}`);
        all.push(...rows.slice(from + 1));
    };
    return (async () => {
        do { frame.scrollTop = 0; await settle(); } while (frame.scrollTop > 0);
        for (;;) {
            collect();
            const top = frame.scrollTop;
            if (top + frame.clientHeight >= frame.scrollHeight - 2) return all;
            frame.scrollTop = top + frame.clientHeight * 0.6;
            await settle();
        }
    })();
";

/// Where rows are in the frame as the browser draws it: an observer that is new tells at the end of the frame, when all is
/// laid out. Whoever asks an element itself has what has not been drawn yet laid out, and sees what nobody sees.
const DRAWN: &str = r"
    const frame = document.querySelector('#timeline');
    const drawn = (rows) => new Promise((done) => requestAnimationFrame(() => {
        const observer = new IntersectionObserver((entries) => {
            observer.disconnect();
            done(new Map(entries.map((entry) => [entry.target, entry.boundingClientRect.top - entry.rootBounds.top])));
        }, { root: frame });
        rows.forEach((row) => observer.observe(row));
        if (rows.length === 0) done(new Map());
    }));
";

const FLING: &str = r"
    const [step, count] = arguments;
    const lines = (at) => [...at].filter(([row, top]) => top >= 0 && top + row.offsetHeight + step <= frame.clientHeight);
    const rows = () => [...frame.querySelectorAll('.row.message')];
    return (async () => {
        // Who is at the end yet is taken along by what comes, between two frames too: the first step is from where they are.
        const edge = frame.getBoundingClientRect().top + frame.clientTop;
        let most = 0, before = lines(rows().map((row) => [row, row.getBoundingClientRect().top - edge]));
        for (let n = 0; n < count && frame.scrollTop > step; n++) {
            frame.scrollTop -= step;
            // Those that were there, and those that are there for the next time.
            const there = before.filter(([row]) => row.isConnected);
            const now = await drawn([...new Set([...there.map(([row]) => row), ...rows()])]);
            for (const [row, top] of there.filter(([row]) => row.isConnected)) {
                most = Math.max(most, Math.abs(now.get(row) - top - step));
            }
            before = lines(now);
        }
        return most;
    })();
";

const WATCH: &str = r"
    const edge = frame.getBoundingClientRect().top;
    const line = [...frame.querySelectorAll('.row.message')].find((row) => row.getBoundingClientRect().top >= edge);
    const reading = window.reading = {};
    window.moved = 0;
    return drawn([line]).then((at) => {
        const before = at.get(line);
        const look = (at) => {
            const moved = line.isConnected ? Math.abs(at.get(line) - before) : NaN;
            window.moved = moved <= window.moved ? window.moved : moved;
            if (window.reading === reading) drawn([line]).then(look);
        };
        look(at);
    });
";

const MOVED: &str = "return new Promise((done, failed) => { let left = 5; const next = () => { \
    if (left-- > 0) return requestAnimationFrame(next); \
    window.reading = null; Number.isFinite(window.moved) ? done(window.moved) : failed('the line is gone'); }; next(); })";
