// The page of a comparison: A, B and B - A, with one view; blinking shows B in the place of A.

const BLINK = 500; // ms; WCAG 2.3.1 allows three flashes a second

class TwoPictures {
  constructor(host, item) {
    [this.a, this.b] = ["a", "b"].map((side) => picturesOf(`${side}${item}`));
    this.view = new View();
    const made = (title) => Object.assign(new Canvas(this.view, `${title}; arrow keys choose a pixel`), {title});
    [this.left, this.right, this.middle] = ["A", "B", "B - A"].map(made);
    this.panel = new Panel(host, [this.left, this.right, this.middle], `${HELP} b shows B in the place of A.`);
    this.panel.onkey = (key) => this.key(key);
    this.count = Math.min(this.a.length, this.b.length);
    this.place = JSON.parse(host.dataset.place);
    this.addTools(host);
    this.ready = this.go(this.place.number ?? 0).then(() => this.goToLargest());
    host.viewer = this;
  }

  addTools(host) {
    this.blinking = element("input", {type: "checkbox", onchange: () => this.blink(this.blinking.checked)});
    this.scale = element("input", {type: "number", step: "any", min: 0, "aria-label": "scale of the difference", onchange: () => this.setScale(Number(this.scale.value))});
    const tools = [element("label", {}, this.blinking, " Blink"), button("Swap", "B in the place of A (b)", () => this.swap()), element("label", {}, "Difference ± ", this.scale)];
    if (this.place.row !== undefined) tools.push(button("Largest difference", "go there", () => this.goToLargest(true)));
    this.panel.tools.append(...tools);
    if (this.count < 2) return;
    this.sliderText = element("output", {});
    this.slider = element("input", {type: "range", min: 1, max: this.count, "aria-label": "image", oninput: () => this.go(Number(this.slider.value) - 1)});
    host.insertBefore(element("div", {class: "slices"}, "Image ", this.slider, " ", this.sliderText), this.panel.readout);
  }

  async go(number) {
    this.at = number;
    const [a, b] = [this.a[number], this.b[number]];
    const values = await Promise.all([unpack(a), unpack(b)]);
    if (number !== this.at) return;
    this.shown = [[a, values[0]], [b, values[1]]];
    for (const canvas of [this.left, this.right, this.middle]) for (const name of ["edge", "axes"]) canvas.hidden.add(name);
    const first = !this.left.picture;
    if (first) for (const canvas of [this.left, this.right]) canvas.window = a.window;
    this.left.show(a, values[0]);
    this.right.show(b, values[1]);
    this.subtract(a, values[0], b, values[1]);
    if (first) this.panel.setWindow(...a.window);
    this.panel.offerLayers();
    if (this.view.cursor) this.panel.tell(this.view.cursor);
    if (!this.slider) return;
    this.slider.value = number + 1;
    this.sliderText.textContent = `${number + 1} of ${this.count}`;
  }

  subtract(a, stored, b, other) {
    if (a.rows !== b.rows || a.columns !== b.columns || a.samples !== b.samples) return;
    let most = 0;
    const difference = Float64Array.from(stored, (value, at) => {
      const apart = other[at] * b.slope + b.intercept - (value * a.slope + a.intercept);
      if (Number.isFinite(apart)) most = Math.max(most, Math.abs(apart));
      return apart;
    });
    const picture = {...a, slope: 1, intercept: 0, inverted: false, overlays: []};
    this.middle.show(picture, difference, true);
    this.setScale(most || 1);
  }

  setScale(most) {
    this.scale.value = Number(most.toPrecision(6));
    this.middle.setWindow(-most, most);
  }

  swap() {
    this.swapped = !this.swapped;
    this.left.show(...this.shown[this.swapped ? 1 : 0]);
    this.left.canvas.dataset.shows = this.swapped ? "B" : "A";
  }

  blink(on) {
    clearInterval(this.timer);
    if (on) this.timer = setInterval(() => (this.left.canvas.isConnected ? this.swap() : clearInterval(this.timer)), BLINK);
    else if (this.swapped) this.swap();
  }

  async goToLargest(zoom = false) {
    if (this.place.row === undefined) return;
    if (this.at !== this.place.number) await this.go(this.place.number);
    const {row, column} = this.place;
    if (zoom) {
      this.view.zoom = Math.max(this.view.zoom, 8);
      this.view.centre = [(column + 0.5) / this.a[this.at].columns, (row + 0.5) / this.a[this.at].rows];
    }
    this.left.choose([row, column]);
  }

  key(key) {
    const step = {PageUp: 1, PageDown: -1}[key];
    if (key === "b") this.swap();
    else if (step && this.at + step >= 0 && this.at + step < this.count) this.go(this.at + step);
    else return Boolean(step);
    return true;
  }
}

function shownIn(host, item) {
  return new TwoPictures(host, item);
}

begin();
