// The page names it, with its integrity. One attempt at a time; one that failed can be made again.
let part;
async function fetchPart() {
    const { href, integrity } = document.querySelector('link[rel="part"]');
    const response = await fetch(href, { integrity });
    await WebAssembly.instantiate(await response.arrayBuffer(), { __wasm_split: wasm });
}
const LINK = {
    LOAD: (then, data) => {
        part ??= fetchPart();
        part.then(() => true, (error) => {
            part = undefined;
            console.error(error);
            return false;
        }).then((loaded) => wasm.__indirect_function_table.get(then)(data, loaded));
    },
};
