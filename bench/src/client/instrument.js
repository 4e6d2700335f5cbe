// The measuring script, injected into every page before its own scripts. It is preceded by
// `const peer = { login, composer, list, row, gap }`, the selectors of the page.
(() => {
    // There may be any text directly before and after a mark.
    const MARK = /k(\d+)k/g;
    const bench = (globalThis.bench = {});

    const usable = (selector) => {
        const field = selector && document.querySelector(selector);
        if (!field || field.disabled || field.readOnly) return false;
        const box = field.getBoundingClientRect();
        const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return box.width > 0 && !!top && (field.contains(top) || top.contains(field));
    };
    bench.can = (what) => usable(peer[what]);

    // Time from the start of the navigation to the first frame with a usable input field.
    const start = () => {
        if (usable(peer.login) || usable(peer.composer)) bench.usable = performance.now();
        else requestAnimationFrame(start);
    };
    requestAnimationFrame(start);

    // WebAssembly memories, which are not part of the JavaScript heap.
    const memories = new Set();
    for (const name of ['instantiate', 'instantiateStreaming']) {
        const original = WebAssembly[name];
        WebAssembly[name] = async (...all) => {
            const made = await original.apply(WebAssembly, all);
            for (const it of Object.values((made.instance ?? made).exports ?? {})) {
                if (it instanceof WebAssembly.Memory) memories.add(it);
            }
            return made;
        };
    }
    bench.wasm = () => [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);

    const marks = (text) => [...text.matchAll(MARK)].map((found) => Number(found[1]));

    // Records frames until `stop`: when each began, when it had been drawn, and the highest mark in the document by then.
    // Also records the time from each key press to the frame that shows its effect.
    bench.watch = () => {
        const frames = [], keys = [], enters = [];
        let newest = -1, pressed = [], typed = [], on = true;
        const inList = (node) => (node.closest ? node : node.parentElement)?.closest(peer.list);
        // Observes the whole document, because a page may replace its list.
        const observer = new MutationObserver((records) => {
            for (const { type, target, addedNodes } of records) {
                for (const node of type === 'characterData' ? [target] : addedNodes) {
                    if (inList(node) || node.querySelector?.(peer.list)) newest = Math.max(newest, ...marks(node.textContent));
                }
            }
        });
        observer.observe(document, { childList: true, subtree: true, characterData: true });
        const onKey = (event) => {
            if (event.key === 'Enter') enters.push(event.timeStamp);
            else pressed.push(event.timeStamp);
        };
        const onInput = () => typed.push(...pressed.splice(0));
        addEventListener('keydown', onKey, true);
        addEventListener('input', onInput, true);
        // A task posted by a frame runs after the frame is drawn.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => {
            const now = performance.now();
            frames.push([data, now, newest]);
            for (const at of typed.splice(0)) keys.push(now - at);
        };
        const frame = (at) => {
            if (!on) return;
            port2.postMessage(at);
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
        bench.newest = () => newest;
        bench.stop = () => {
            on = false;
            observer.disconnect();
            removeEventListener('keydown', onKey, true);
            removeEventListener('input', onInput, true);
            port1.close();
            return { origin: performance.timeOrigin, frames, keys, enters };
        };
    };

    const scroller = () => {
        for (let it = document.querySelector(peer.row)?.parentElement; it; it = it.parentElement) {
            if (/auto|scroll/.test(getComputedStyle(it).overflowY) && it.scrollHeight > it.clientHeight) return it;
        }
        return document.scrollingElement;
    };

    // Scrolls up `speed` pixels per second, or to the top in every frame if 0, for some seconds. Records frames and marks.
    bench.scroll = (speed, seconds) => new Promise((done) => {
        const frames = [], seen = new Set(), it = scroller();
        let begun, last, moved = 0, gap = false;
        const frame = (at) => {
            begun ??= at;
            frames.push(at);
            for (const row of document.querySelectorAll(peer.row)) marks(row.textContent).forEach((mark) => seen.add(mark));
            gap ||= !!peer.gap && !!document.querySelector(peer.gap);
            if (at - begun > seconds * 1000) {
                return done({ frames, moved, gap, seen: seen.size, marks: [...seen] });
            }
            const before = it.scrollTop;
            it.scrollTop = speed ? before - (speed * (at - (last ?? at))) / 1000 : 0;
            moved += Math.max(0, before - it.scrollTop);
            last = at;
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    });

    bench.elements = () => document.querySelectorAll('*').length;
    bench.rows = () => document.querySelectorAll(peer.row).length;
    // The highest mark in the document.
    bench.shows = () => Math.max(-1, ...[...document.querySelectorAll(peer.row)].flatMap((row) => marks(row.textContent)));
})();
