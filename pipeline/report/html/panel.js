// The controls around pictures: window, zoom, what is drawn over, slices, and the line that tells values.

function button(text, title, onclick) {
  return element("button", {type: "button", title, onclick}, text);
}

class Panel {
  /** `canvases` are shown side by side and share view and window, but for those that are `signed`. */
  constructor(host, canvases, help) {
    this.canvases = canvases;
    this.main = canvases[0];
    this.readout = element("p", {class: "readout", role: "status"}, "Point at the picture, or use the arrow keys on it.");
    this.tools = element("div", {class: "tools", role: "toolbar", "aria-label": "picture"});
    this.low = this.number("from");
    this.high = this.number("to");
    this.layers = element("fieldset", {class: "layers"}, element("legend", {}, "Drawn over it"));
    this.tools.append(
      button("−", "smaller (-)", () => this.main.zoomBy(0.8)),
      button("+", "larger (+)", () => this.main.zoomBy(1.25)),
      button("Fit", "all of it (0)", () => this.main.fitAll()),
      button("1:1", "one pixel for one pixel", () => this.oneToOne()),
      element("span", {class: "group"}, "Window ", this.low, " ", this.high),
      button("Auto", "0.5 to 99.5 % of the values (a)", () => this.setWindow(...this.main.picture.window)),
      button("Full", "all values (f)", () => this.setWindow(...this.range())),
      button("Invert", "light and dark (i)", () => this.invert()),
    );
    this.row = element("div", {class: "canvases"});
    for (const each of canvases) {
      each.onmove = (pixel) => this.tell(pixel, each);
      each.onwindow = (low, high) => this.setWindow(low, high);
      each.onkey = (key) => this.key(key);
      this.row.append(element("figure", {}, each.canvas, element("figcaption", {}, each.title ?? "")));
    }
    host.append(this.row, this.readout, this.tools, this.layers, element("p", {class: "help"}, help));
  }

  number(name) {
    return element("input", {type: "number", step: "any", "aria-label": `window ${name}`, onchange: () => {
      const [low, high] = [Number(this.low.value), Number(this.high.value)];
      if (high > low) this.setWindow(low, high);
    }});
  }

  setWindow(low, high) {
    this.low.value = Number(low.toPrecision(6));
    this.high.value = Number(high.toPrecision(6));
    for (const each of this.canvases) if (!each.signed) each.setWindow(low, high);
    this.onchange?.();
  }

  range() {
    let [low, high] = [Infinity, -Infinity];
    const {slope, intercept} = this.main.picture;
    for (const stored of this.main.values) {
      const value = stored * slope + intercept;
      if (value < low && value > -Infinity) low = value;
      if (value > high && value < Infinity) high = value;
    }
    return low < high ? [low, high] : [low - 0.5, low + 0.5];
  }

  invert() {
    for (const each of this.canvases) {
      if (each.signed) continue;
      each.inverted = !each.inverted;
      each.raster = null;
      each.draw();
    }
    this.onchange?.();
  }

  oneToOne() {
    this.main.zoomBy(1 / ((this.main.view.zoom || 1) * this.main.fit));
  }

  key(key) {
    const does = {a: () => this.setWindow(...this.main.picture.window), f: () => this.setWindow(...this.range()), i: () => this.invert()}[key];
    if (does) does();
    return Boolean(does) || Boolean(this.onkey?.(key));
  }

  /** Say what is under the pointer; numbers in full stand in `dataset`, for whoever reads them by program. */
  tell(pixel) {
    if (!pixel) {
      this.readout.textContent = "beside the picture";
      this.readout.dataset.value = "";
      return;
    }
    const [row, column] = pixel;
    const {picture} = this.main;
    const place = placeOf(picture.place, row, column);
    const values = this.canvases.map((each) => this.valueText(each, row, column));
    Object.assign(this.readout.dataset, {row, column, value: values[0], values: values.join(" "), mm: place.mm ?? ""});
    Object.assign(this.readout.dataset, {gantry: place.gantry ?? "", isocentre: place.isocentre ?? ""});
    const told = values.length > 1 ? values.map((value, at) => `${this.canvases[at].title} ${value}`).join(", ") : values[0];
    const units = picture.units ? ` ${picture.units}` : "";
    this.readout.textContent = `row ${row}, column ${column} (from 0): ${told}${units}; ${place.text}`;
  }

  valueText(canvas, row, column) {
    const samples = Array.from({length: canvas.picture.samples}, (_, at) => String(canvas.value(row, column, at)));
    return samples.join(" ");
  }

  /** Offer to hide what is drawn over the picture, each with where it is known from. */
  offerLayers() {
    const found = new Map(this.main.picture.overlays.map((overlay) => [overlay.name, overlay.origin]));
    if (this.main.picture.place.spacing) found.set("scale", "spacing");
    if (this.main.picture.place.edges) found.set("directions", "orientation in the patient");
    if (found.has("jaws") || found.has("isocentre")) found.set("edge", this.edgeOrigin());
    this.layers.replaceChildren(element("legend", {}, "Drawn over it"));
    for (const [name, origin] of found) {
      const box = element("input", {type: "checkbox", checked: !this.main.hidden.has(name), onchange: (event) => {
        for (const each of this.canvases) each.hidden[event.target.checked ? "delete" : "add"](name);
        if (name === "edge") this.findEdge();
        this.main.view.changed();
      }});
      const swatch = element("span", {class: `swatch ${name}`, "aria-hidden": "true"});
      this.layers.append(element("label", {}, box, swatch, ` ${name} `, element("small", {}, origin)));
    }
    this.layers.hidden = found.size === 0;
  }

  level() {
    const [low, high] = percentiles(this.main.values, [0.01, 0.99]);
    return [(low + high) / 2, low, high];
  }

  edgeOrigin() {
    const {slope, intercept} = this.main.picture;
    const [level, low, high] = this.level().map((each) => Number((each * slope + intercept).toPrecision(5)));
    return `50 % edge: the line of value ${level}, half way from ${low} (1 % of the values) to ${high} (99 %)`;
  }

  findEdge() {
    const {picture, values} = this.main;
    if (this.main.hidden.has("edge") || picture.samples > 1) return;
    this.main.edge = contour(values, picture.rows, picture.columns, this.level()[0]);
  }
}
