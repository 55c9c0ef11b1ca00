// The picture of an output: one image, or a stack of them with the planes across.

const PRESETS = {"soft tissue": [-160, 240], lung: [-1350, 150], bone: [-450, 1050]}; // HU

class OnePicture {
  constructor(host, item) {
    this.pictures = picturesOf(item);
    this.unpacked = new Map();
    this.view = new View();
    this.canvas = new Canvas(this.view, `picture of ${host.dataset.title}; arrow keys choose a pixel`);
    this.panel = new Panel(host, [this.canvas], HELP);
    this.panel.onkey = (key) => this.key(key);
    this.at = Math.floor(this.pictures.length / 2);
    if (this.pictures.length > 1) this.addSlider(host);
    this.ready = this.go(this.at).then(() => this.addPlanes(host));
    host.viewer = this;
  }

  async values(number) {
    if (!this.unpacked.has(number)) this.unpacked.set(number, unpack(this.pictures[number]));
    return this.unpacked.get(number);
  }

  async go(number) {
    this.at = number;
    const values = await this.values(number);
    if (number !== this.at) return;
    const picture = this.pictures[number];
    const first = !this.canvas.picture;
    if (first) {
      if (!picture.overlays.some((overlay) => overlay.name === "jaws")) this.canvas.hidden.add("edge");
      this.canvas.window = picture.window;
    }
    this.canvas.show(picture, values);
    this.panel.findEdge();
    if (first) this.panel.setWindow(...picture.window);
    if (first && picture.hu) this.addPresets();
    this.panel.offerLayers();
    this.canvas.draw();
    if (this.view.cursor) this.panel.tell(this.view.cursor);
    if (this.slider) {
      this.slider.value = number + 1;
      this.sliderText.textContent = `${picture.number + 1} of ${this.pictures.length}`;
    }
    this.planes?.forEach((plane) => plane.draw());
  }

  addSlider(host) {
    this.sliderText = element("output", {});
    this.slider = element("input", {type: "range", min: 1, max: this.pictures.length, "aria-label": "image", oninput: () => this.go(Number(this.slider.value) - 1)});
    host.insertBefore(element("div", {class: "slices"}, "Image ", this.slider, " ", this.sliderText), this.panel.readout);
  }

  key(key) {
    const step = {PageUp: 1, PageDown: -1}[key];
    if (!step) return false;
    const next = this.at + step;
    if (next >= 0 && next < this.pictures.length) this.go(next);
    return true;
  }

  addPresets() {
    for (const [name, range] of Object.entries(PRESETS)) {
      this.panel.tools.append(button(name, `${range[0]} to ${range[1]} HU`, () => this.panel.setWindow(...range)));
    }
  }

  /** The two planes across a stack of slices, through the chosen pixel. */
  async addPlanes(host) {
    const [first, last] = [this.pictures[0], this.pictures[this.pictures.length - 1]];
    const flat = this.pictures.length < 3 || first.place.kind !== "patient" || first.samples > 1;
    if (flat || this.pictures.some((each) => each.rows !== first.rows || each.columns !== first.columns)) return;
    const all = [];
    for (let number = 0; number < this.pictures.length; number += 1) all.push(await this.values(number));
    const step = last.place.main[0].map((each, axis) => (each - first.place.main[0][axis]) / (this.pictures.length - 1));
    const box = element("div", {class: "planes"});
    this.planes = ["row", "column"].map((across) => new Plane(this, all, across, step, box));
    host.insertBefore(box, this.panel.readout);
    this.view.viewers.push(...this.planes);
    this.panel.onchange = () => this.planes.forEach((plane) => plane.draw());
    this.planes.forEach((plane) => plane.draw());
  }
}

/** One plane across slices: through the chosen row, or the chosen column. */
class Plane {
  constructor(owner, all, across, step, box) {
    Object.assign(this, {owner, all, across});
    this.thickness = Math.hypot(...step);
    this.canvas = element("canvas", {tabindex: 0, role: "img", "aria-label": `plane across the slices, through one ${across}`});
    this.caption = element("figcaption", {});
    box.append(element("figure", {}, this.canvas, this.caption));
    this.upwards = step[2] > 0;
    this.canvas.addEventListener("pointerdown", (event) => this.point(event));
  }

  size() {
    const {rows, columns, place} = this.owner.pictures[0];
    const wide = this.across === "row" ? columns : rows;
    return [wide, this.all.length, place.spacing[this.across === "row" ? 1 : 0]];
  }

  point(event) {
    const [wide, high] = this.size();
    const {clientWidth, clientHeight} = this.canvas;
    const along = Math.min(wide - 1, Math.floor((event.offsetX / clientWidth) * wide));
    const down = Math.min(high - 1, Math.floor((event.offsetY / clientHeight) * high));
    const [row, column] = this.chosen();
    this.owner.go(this.upwards ? high - 1 - down : down);
    this.owner.canvas.choose(this.across === "row" ? [row, along] : [along, column]);
  }

  chosen() {
    const {rows, columns} = this.owner.pictures[0];
    return this.owner.view.cursor ?? [Math.floor(rows / 2), Math.floor(columns / 2)];
  }

  draw() {
    const [wide, high, spacing] = this.size();
    const [row, column] = this.chosen();
    const image = new ImageData(wide, high);
    const [low, top] = this.owner.canvas.window;
    for (let slice = 0; slice < high; slice += 1) {
      const {slope, intercept, columns} = this.owner.pictures[slice];
      const line = this.upwards ? high - 1 - slice : slice;
      for (let at = 0; at < wide; at += 1) {
        const stored = this.all[slice][this.across === "row" ? row * columns + at : at * columns + column];
        const grey = ((stored * slope + intercept - low) * 255) / (top - low || 1);
        const to = (line * wide + at) * 4;
        image.data.fill(this.owner.canvas.inverted ? 255 - grey : grey, to, to + 3);
        image.data[to + 3] = 255;
      }
    }
    Object.assign(this.canvas, {width: wide, height: high});
    this.canvas.style.aspectRatio = `${wide * spacing} / ${high * this.thickness}`;
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    this.caption.textContent = this.across === "row" ? `through row ${row}` : `through column ${column}`;
  }
}
