// The page names the part, with its integrity. One attempt at a time; after one that failed another can be made.
let part;
// How the next attempt uses what the browser has.
let cache = "default";

async function fetchPart() {
    const { href, integrity } = document.querySelector('link[rel="part"]');
    try {
        const response = await fetch(href, { integrity, cache });
        await WebAssembly.instantiate(await response.arrayBuffer(), { __wasm_split: wasm });
        return true;
    } catch (error) {
        console.error(error);
        // What is kept may be what is wrong: the next attempt gets it anew.
        cache = "reload";
        await globalThis.caches?.open("parlour").then((kept) => kept.delete(href)).catch(() => {});
        part = undefined;
        return false;
    }
}

const LINK = {
    LOAD: async (then, data) => {
        const loaded = await (part ??= fetchPart());
        wasm.__indirect_function_table.get(then)(data, loaded);
    },
};
