// Makes the tables in assets/emoji/ from the package emojibase-data, which has the emoji of Unicode, and the names and keywords of
// the CLDR. The build does not need this; it is run for a new version of Unicode, or for another language of the page:
//
//   npm pack emojibase-data@17.0.0 && tar -xzf emojibase-data-17.0.0.tgz && node xtask/emoji.mjs package
//
// A table is a JSON file with a list of lines. `# name` begins a group, in the order of the CLDR. `~ name` is the name of a skin
// tone, from light to dark. Each other line is an emoji, with fields divided by `|`:
//
// | field | content |
// | --- | --- |
// | emoji | without a skin tone |
// | properties | `t`: it can have a skin tone; `n`: an older system may not have it |
// | name | in the language of the table |
// | English name | empty in the English table |
// | shortcodes | of GitHub, Slack and Emojibase; not those that only have words of the other fields |
// | keywords | in lower case, in the language of the table and in English; not those that are in a name |

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

// The languages of `lang/`: the folder of the package, and the names of the groups.
const LANGUAGES = {
  en: ["en", "Smileys", "People", "Nature", "Food", "Travel", "Activities", "Objects", "Symbols", "Flags"],
  "zh-CN": ["zh", "表情", "人物", "动物与自然", "食物", "旅行与地点", "活动", "物品", "符号", "旗帜"],
};
// The package's numbers of the groups, without that of components, such as skin tones.
const GROUPS = [0, 1, 3, 4, 5, 6, 7, 8, 9];
const COMPONENTS = 2;
const SHORTCODES = ["github", "iamcal", "emojibase"];
// Emoji of this version of Emoji and later ones are missing on systems before the year 2022.
const NEW_VERSION = 14;
const TONES = ["\u{1F3FB}", "\u{1F3FC}", "\u{1F3FD}", "\u{1F3FE}", "\u{1F3FF}"];
const SELECTOR = "\uFE0F";

const [source] = process.argv.slice(2);
const read = (name) => JSON.parse(readFileSync(`${source}/${name}.json`, "utf8"));

// The emoji as Unicode recommends it. The package has the variation selector also behind characters that are emoji by themselves.
function recommended({ emoji, type }) {
  const characters = [...emoji.replace(/\uFE0F$/, "")];
  if (characters.length > 1) return emoji;
  return characters[0] + (type === 0 ? SELECTOR : "");
}

// The emoji with a skin tone, by the rule of src/view/emoji/table.rs: behind the first character, and behind the last one if it is a
// second person.
function withTone(emoji, tone) {
  const characters = [...emoji];
  const isPerson = characters.length > 1 && ["\u{1F468}", "\u{1F469}", "\u{1F9D1}"].includes(characters.at(-1));
  const rest = characters.slice(1);
  if (rest[0] === SELECTOR) rest.shift();
  return characters[0] + tone + rest.join("") + (isPerson ? tone : "");
}

function checkTones(emoji, { skins }) {
  for (const { emoji: expected, tone } of skins ?? []) {
    if (Array.isArray(tone)) continue;
    const found = withTone(emoji, TONES[tone - 1]);
    if (found !== expected) throw new Error(`the skin tone of ${emoji} follows another rule: ${expected}, not ${found}`);
  }
}

const fold = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
const words = (text) => text.toLowerCase().split(/[^\p{L}\p{N}+\-]+/u).filter(Boolean);
const list = (value) => (value === undefined ? [] : [value].flat());

function lines(language) {
  const [folder, ...names] = LANGUAGES[language];
  const english = new Map(read("en/data").map((entry) => [entry.hexcode, entry]));
  const shortcodes = SHORTCODES.map((set) => read(`en/shortcodes/${set}`));
  const entries = read(`${folder}/data`).sort((a, b) => a.order - b.order);

  const line = (entry) => {
    const of = english.get(entry.hexcode);
    const emoji = recommended(of);
    checkTones(emoji, of);
    const labels = folder === "en" ? [entry.label, ""] : [entry.label, of.label];
    const inLabels = new Set(labels.flatMap(words));
    // Those of other languages are not divided into words.
    const own = folder === "en" ? [] : list(entry.tags).map((tag) => tag.toLowerCase());
    const keywords = [...own.filter((tag) => !entry.label.includes(tag)), ...list(of.tags).flatMap(words)];
    keywords.push(...words(fold(of.label)));
    const kept = new Set(keywords.flatMap((text) => text.split(" ")).filter((word) => word && !inLabels.has(word)));
    const isKnown = (code) => code.split("_").every((word) => inLabels.has(word) || kept.has(word));
    const codes = new Set(shortcodes.flatMap((set) => list(set[entry.hexcode])).filter((code) => !isKnown(code)));
    const properties = (of.skins ? "t" : "") + (of.version >= NEW_VERSION ? "n" : "");
    const fields = [emoji, properties, ...labels, [...codes].join(" "), [...kept].join(" ")];
    if (fields.some((field) => field.includes("|"))) throw new Error(`${emoji} has a field with a bar`);
    return fields.join("|");
  };
  const tones = entries.filter(({ group, hexcode }) => group === COMPONENTS && /^1F3F[B-F]$/.test(hexcode));
  const group = (number, at) => [`# ${names[at]}`, ...entries.filter((entry) => entry.group === number).map(line)];
  return [...tones.map(({ label }) => `~ ${label}`), ...GROUPS.flatMap(group)];
}

const folder = new URL("../assets/emoji/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const language of Object.keys(LANGUAGES)) {
  const table = lines(language).map((line) => JSON.stringify(line));
  writeFileSync(new URL(`${language}.json`, folder), `{"lines":[\n${table.join(",\n")}\n]}\n`);
}
