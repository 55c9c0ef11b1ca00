// The overview: search and filter, and one output (or pair) at a time.

const HELP = "Drag to move, wheel or two fingers to zoom, Shift and drag (or the right button) to change the window. "
  + "Keys on the picture: arrows choose a pixel (Shift: ten), + - 0 zoom, a f i window, Page Up and Page Down slices; "
  + "n and p go to the next and previous output, / to the search, Escape back.";

const cards = [...document.querySelectorAll(".card")];
const overview = document.getElementById("overview");
const detail = document.getElementById("detail");

function filtered() {
  const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = [...document.querySelectorAll("select[data-filter]")].map((each) => [each.dataset.filter, each.value]);
  let count = 0;
  for (const card of cards) {
    const text = card.textContent.toLowerCase();
    card.hidden = !words.every((word) => text.includes(word))
      || wanted.some(([name, value]) => value && card.dataset[name] !== value);
    count += card.hidden ? 0 : 1;
  }
  document.getElementById("shown").textContent = `${count} of ${cards.length} shown`;
}

function show() {
  const alone = cards.length === 1;
  const item = alone ? "0" : /^#o(\d+)$/.exec(window.location.hash)?.[1];
  const template = item && document.getElementById(`detail-${item}`);
  overview.hidden = Boolean(template) && !alone;
  document.getElementById("sheet").hidden = alone;
  detail.hidden = !template;
  detail.replaceChildren();
  if (!template) return;
  detail.append(template.content.cloneNode(true));
  const host = detail.querySelector(".viewer");
  if (host) shownIn(host, item);
  if (alone) {
    detail.querySelector("nav").hidden = true;
    return;
  }
  detail.querySelector("h1").focus();
  window.scrollTo(0, 0);
}

function neighbour(step) {
  const visible = cards.filter((card) => !card.hidden);
  const at = visible.findIndex((card) => `#o${card.dataset.item}` === window.location.hash);
  const next = visible[at + step];
  if (next) window.location.hash = `o${next.dataset.item}`;
}

function begin() {
  document.getElementById("search").addEventListener("input", filtered);
  for (const each of document.querySelectorAll("select[data-filter]")) each.addEventListener("change", filtered);
  window.addEventListener("hashchange", show);
  detail.addEventListener("click", (event) => {
    const step = {next: 1, previous: -1}[event.target.dataset?.go];
    if (step) neighbour(step);
  });
  document.addEventListener("keydown", (event) => {
    if (/^(input|select|textarea)$/i.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      window.location.hash = "";
      document.getElementById("search").focus();
    } else if (event.key === "Escape") window.location.hash = "";
    else if (event.key === "n" && !detail.hidden) neighbour(1);
    else if (event.key === "p" && !detail.hidden) neighbour(-1);
    else return;
    event.preventDefault();
  });
  filtered();
  show();
}
