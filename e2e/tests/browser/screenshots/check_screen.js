// Finds problems of the current screen and returns them as sentences. This is the body of a function run in the page.
const problems = [];
const root = document.documentElement;
const describe = (element) => {
  const id = element.id ? `#${element.id}` : '';
  const classes = [...element.classList].map((name) => `.${name}`).join('');
  return `${element.tagName.toLowerCase()}${id}${classes} "${(element.innerText ?? '').trim().slice(0, 30)}"`;
};
// Rows outside the viewport are checked like all others.
const all = [...document.body.querySelectorAll('*')];
const visible = all.filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true })
  && !e.closest('[inert]') && e.getClientRects().length > 0);
const box = (e) => e.getBoundingClientRect();

// ---- layout
for (const element of [root, document.body, ...visible.filter((e) => e.matches('#timeline, .roster-list, .login'))]) {
  const over = element.scrollWidth - element.clientWidth;
  if (over > 0) problems.push(`${describe(element)} scrolls horizontally by ${over}px`);
}
for (const element of visible.filter((e) => e.matches('#connection'))) {
  const [left, bar] = [box(element).left, box(element.closest('.top')).left];
  const title = box(document.querySelector('.room-title'));
  if (left < title.right - 0.5 && box(element).top < title.bottom - 0.5) problems.push(`${describe(element)} covers the title`);
  if (left < bar - 0.5) problems.push(`${describe(element)} begins ${bar - left}px before its bar`);
}
const hasText = (e) => [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
const focusable = 'a[href], button, input, select, textarea, [tabindex]:not([tabindex="-1"])';
// Text only for screen readers is clipped.
const isClipped = (e) => getComputedStyle(e).clipPath !== 'none' || (e.parentElement && isClipped(e.parentElement));
// Code is scrolled by itself, and so are the groups of emoji.
const isScrolled = (e) => e.parentElement?.closest('pre, .emoji-groups');
for (const element of visible.filter((e) => (hasText(e) || e.matches(focusable)) && !isClipped(e) && !isScrolled(e))) {
  const { left, right } = box(element);
  if (left < -0.5 || right > innerWidth + 0.5) {
    problems.push(`${describe(element)} extends beyond the viewport: ${left} to ${right}`);
  }
}
const timeline = document.querySelector('#timeline');
const composer = document.querySelector('#composer');
if (timeline && composer) {
  if (box(timeline).bottom > box(composer).top + 0.5) problems.push('the composer overlaps the timeline');
  if (box(composer).bottom > innerHeight + 0.5) problems.push('the composer extends below the viewport');
  const away = timeline.scrollHeight - timeline.clientHeight - timeline.scrollTop;
  if (away > 2) problems.push(`the newest message is ${away}px out of sight`);
}
// Displayed times must be those of the messages, formatted for the browser's locale.
const locale = navigator.languages.find((tag) => tag.slice(0, 2) === root.lang.slice(0, 2));
const clock = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
const full = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'medium' });
for (const time of visible.filter((e) => e.matches('.message time'))) {
  const date = new Date(time.dateTime);
  if (time.textContent !== clock.format(date)) problems.push(`${describe(time)} should be ${clock.format(date)}`);
  if (time.title !== full.format(date)) problems.push(`${describe(time)}: "${time.title}" should be ${full.format(date)}`);
}
// Elements that appear beside a time must not move it.
for (const message of visible.filter((e) => e.matches('.own:not(.continued):has(.content:not(:empty))'))) {
  const [time, content] = ['time', '.content'].map((part) => box(message.querySelector(part)).right);
  if (Math.abs(time - content) > 1) problems.push(`${describe(message)}: its time ends at ${time}, its content at ${content}`);
}
for (const failure of visible.filter((e) => e.matches('.failure'))) {
  const lines = new Set([...failure.querySelectorAll('button')].map((button) => box(button).top));
  if (lines.size > 1) problems.push(`${describe(failure)} has buttons in ${lines.size} lines`);
}
for (const row of visible.filter((e) => e.matches('.row:not(.notice)'))) {
  const [width, place] = [row, row.parentElement].map((e) => box(e).width);
  if (row.closest('.list') && width < place - 1) problems.push(`${describe(row)} is ${width}px wide in a place of ${place}px`);
  if (parseFloat(getComputedStyle(row).borderBottomWidth)) problems.push(`${describe(row)} has a border below`);
}

// ---- accessibility
if (!root.lang) problems.push('the document has no language');
if (!document.title) problems.push('the document has no title');
const headings = visible.filter((e) => e.tagName === 'H1').length;
// Behind an open drawer the rest of the page is inert.
if (headings !== 1 && !document.querySelector('main[inert]')) problems.push(`there are ${headings} first-level headings`);
const ids = all.map((e) => e.id).filter(Boolean);
for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) problems.push(`duplicate id #${id}`);
for (const name of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for']) {
  for (const element of visible.filter((e) => e.hasAttribute(name))) {
    for (const id of element.getAttribute(name).split(/\s+/)) {
      // The element that a button opens may be missing while it is closed.
      const closed = name === 'aria-controls' && element.getAttribute('aria-expanded') === 'false';
      if (!closed && !document.getElementById(id)) problems.push(`${describe(element)}: ${name} refers to a missing element: ${id}`);
    }
  }
}
for (const element of visible.filter((e) => e.matches(focusable) && !e.disabled)) {
  if (element.closest('[aria-hidden=true]')) problems.push(`${describe(element)} is focusable and hidden`);
  const { width, height } = box(element.closest('label') ?? element);
  // Links in a text are as tall as its lines, which WCAG 2.2 (2.5.8) allows.
  const isInText = element.closest('.content, .result-text');
  if (isInText && getComputedStyle(element).display === 'inline') continue;
  const least = matchMedia('(pointer: coarse)').matches && !isInText ? 44 : 24;
  if (width < least - 0.5 || height < least - 0.5) problems.push(`${describe(element)} is ${width} by ${height}px, which is too small a target`);
}
for (const item of visible.filter((e) => e.tagName === 'LI')) {
  if (!item.closest('ul, ol')) problems.push(`${describe(item)} is outside a list`);
}
for (const image of visible.filter((e) => e.matches('img, svg'))) {
  const isDecorative = image.closest('[aria-hidden=true]') || image.getAttribute('alt') !== null;
  if (!isDecorative && !image.getAttribute('aria-label')) problems.push(`${describe(image)} has no accessible name`);
}

// ---- contrast (WCAG 2.2, 1.4.3)
const pixel = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
const over = (below, colour) => {
  pixel.fillStyle = `rgb(${below.join(' ')})`;
  pixel.fillRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const luminance = (colour) => {
  const [r, g, b] = colour.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = (element) => {
  const below = element.parentElement ? background(element.parentElement) : [255, 255, 255];
  return over(below, getComputedStyle(element).backgroundColor);
};
for (const element of visible) {
  if (!hasText(element) || isClipped(element) || element.closest('[aria-disabled=true], :disabled')) continue;
  const style = getComputedStyle(element);
  const behind = background(element);
  const [dark, light] = [luminance(over(behind, style.color)), luminance(behind)].sort((a, b) => a - b);
  const contrast = (light + 0.05) / (dark + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (large ? 3 : 4.5)) {
    problems.push(`${describe(element)}: contrast ${contrast.toFixed(2)}`);
  }
}
return problems;
