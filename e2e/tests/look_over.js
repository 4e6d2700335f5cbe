// What is wrong with the screen as it is, in sentences. The body of a function; run in the page.
const wrong = [];
const root = document.documentElement;
const tell = (element) => {
  const id = element.id ? `#${element.id}` : '';
  const classes = [...element.classList].map((name) => `.${name}`).join('');
  return `${element.tagName.toLowerCase()}${id}${classes} "${(element.innerText ?? '').trim().slice(0, 30)}"`;
};
// Rows far from what is seen are as the rest.
const all = [...document.body.querySelectorAll('*')];
const visible = all.filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true })
  && !e.closest('[inert]') && e.getClientRects().length > 0);
const box = (e) => e.getBoundingClientRect();

// ---- layout
for (const element of [root, document.body, ...visible.filter((e) => e.matches('#timeline, .roster-list, .login'))]) {
  const over = element.scrollWidth - element.clientWidth;
  if (over > 0) wrong.push(`${tell(element)} scrolls sideways by ${over}px`);
}
const speaks = (e) => [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
const focusable = 'a[href], button, input, select, textarea, [tabindex]:not([tabindex="-1"])';
// Words that only a screen reader gets are cut off to nothing.
const cut = (e) => getComputedStyle(e).clipPath !== 'none' || (e.parentElement && cut(e.parentElement));
for (const element of visible.filter((e) => (speaks(e) || e.matches(focusable)) && !cut(e))) {
  const { left, right } = box(element);
  if (left < -0.5 || right > innerWidth + 0.5) {
    wrong.push(`${tell(element)} is beyond the screen's edge: ${left} to ${right}`);
  }
}
const timeline = document.querySelector('#timeline');
const composer = document.querySelector('#composer');
if (timeline && composer) {
  if (box(timeline).bottom > box(composer).top + 0.5) wrong.push('the composer lies over the timeline');
  if (box(composer).bottom > innerHeight + 0.5) wrong.push('the composer is below the screen');
  const away = timeline.scrollHeight - timeline.clientHeight - timeline.scrollTop;
  if (away > 2) wrong.push(`the newest message is ${away}px out of sight`);
}
// Times are those of their messages, as the browser itself writes them.
const manner = navigator.languages.find((tag) => tag.slice(0, 2) === root.lang.slice(0, 2));
const clock = new Intl.DateTimeFormat(manner, { hour: 'numeric', minute: '2-digit' });
const full = new Intl.DateTimeFormat(manner, { dateStyle: 'full', timeStyle: 'medium' });
for (const time of visible.filter((e) => e.matches('.message time'))) {
  const date = new Date(time.dateTime);
  if (time.textContent !== clock.format(date)) wrong.push(`${tell(time)} is ${clock.format(date)}`);
  if (time.title !== full.format(date)) wrong.push(`${tell(time)}: "${time.title}" is ${full.format(date)}`);
}
// What comes and goes beside a time does not move it.
for (const message of visible.filter((e) => e.matches('.own:not(.continued)'))) {
  const [time, content] = ['time', '.content'].map((part) => box(message.querySelector(part)).right);
  if (Math.abs(time - content) > 1) wrong.push(`${tell(message)}: its time ends at ${time}, what it says at ${content}`);
}
for (const failure of visible.filter((e) => e.matches('.failure'))) {
  const lines = new Set([...failure.querySelectorAll('button')].map((button) => box(button).top));
  if (lines.size > 1) wrong.push(`${tell(failure)} has its buttons in ${lines.size} lines`);
}
for (const row of visible.filter((e) => e.matches('.row:not(.notice)'))) {
  if (parseFloat(getComputedStyle(row).borderBottomWidth)) wrong.push(`${tell(row)} has a line under it`);
}

// ---- what assistive technology needs
if (!root.lang) wrong.push('the document has no language');
if (!document.title) wrong.push('the document has no title');
const headings = visible.filter((e) => e.tagName === 'H1').length;
// Under an open drawer the rest of the page can't be used.
if (headings !== 1 && !document.querySelector('main[inert]')) wrong.push(`there are ${headings} headings of the first level`);
const ids = all.map((e) => e.id).filter(Boolean);
for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) wrong.push(`two elements are #${id}`);
for (const name of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for']) {
  for (const element of visible.filter((e) => e.hasAttribute(name))) {
    for (const id of element.getAttribute(name).split(/\s+/)) {
      // What a button opens may not be there before it does.
      const closed = name === 'aria-controls' && element.getAttribute('aria-expanded') === 'false';
      if (!closed && !document.getElementById(id)) wrong.push(`${tell(element)}: ${name} names no element: ${id}`);
    }
  }
}
for (const element of visible.filter((e) => e.matches(focusable) && !e.disabled)) {
  if (element.closest('[aria-hidden=true]')) wrong.push(`${tell(element)} can have the focus and is hidden`);
  const { width, height } = box(element);
  if (width < 24 || height < 24) wrong.push(`${tell(element)} is ${width} by ${height}px, too small to hit`);
}
for (const item of visible.filter((e) => e.tagName === 'LI')) {
  if (!item.closest('ul, ol')) wrong.push(`${tell(item)} is in no list`);
}
for (const image of visible.filter((e) => e.matches('img, svg'))) {
  const silent = image.closest('[aria-hidden=true]') || image.getAttribute('alt') !== null;
  if (!silent && !image.getAttribute('aria-label')) wrong.push(`${tell(image)} has no words`);
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
const ground = (element) => {
  const below = element.parentElement ? ground(element.parentElement) : [255, 255, 255];
  return over(below, getComputedStyle(element).backgroundColor);
};
for (const element of visible) {
  if (!speaks(element) || cut(element) || element.closest('[aria-disabled=true], :disabled')) continue;
  const style = getComputedStyle(element);
  const behind = ground(element);
  const [dark, light] = [luminance(over(behind, style.color)), luminance(behind)].sort((a, b) => a - b);
  const contrast = (light + 0.05) / (dark + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (large ? 3 : 4.5)) {
    wrong.push(`${tell(element)}: a contrast of ${contrast.toFixed(2)}`);
  }
}
return wrong;
