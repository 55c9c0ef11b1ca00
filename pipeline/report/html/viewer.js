// One picture on a canvas: zoom, pan, window over the real values, overlays, and what is under the pointer.

const COLOURS = {isocentre: "#ff3b6b", axes: "#ffd23f", jaws: "#3fd0ff", leaves: "#5dff8f", edge: "#ff9f1c", scale: "#ffffff"};

/** What several canvases may share: where one looks, and the pixel that is chosen. */
class View {
  constructor() {
    this.zoom = 0; // times as large as where all of it fits; 0: all of it fits
    this.centre = [0.5, 0.5]; // as parts of the image
    this.cursor = null; // [row, column]
    this.viewers = [];
  }

  changed() {
    for (const viewer of this.viewers) viewer.draw();
  }
}

class Canvas {
  constructor(view, label, height = 460) {
    this.view = view;
    this.canvas = element("canvas", {tabindex: 0, role: "application", "aria-roledescription": "picture", "aria-label": label});
    this.height = height;
    this.picture = null;
    this.window = [0, 1];
    this.inverted = false;
    this.hidden = new Set();
    this.onmove = () => {};
    this.onwindow = () => {};
    view.viewers.push(this);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** Show a picture; `values` are stored ones. `signed` colours them about zero. */
  show(picture, values, signed = false) {
    Object.assign(this, {picture, values, signed, raster: null, edge: undefined});
    const spacing = picture.place.spacing ?? [1, 1];
    const narrow = Math.min(...spacing);
    this.aspect = [spacing[0] / narrow, spacing[1] / narrow];
    this.draw();
  }

  value(row, column, sample = 0) {
    const {columns, samples, slope, intercept} = this.picture;
    return this.values[(row * columns + column) * samples + sample] * slope + intercept;
  }

  setWindow(low, high) {
    this.window = [low, high];
    this.raster = null;
    this.draw();
  }

  /** The picture as 8-bit grey or colour, one pixel for each of the image. */
  rastered() {
    if (this.raster) return this.raster;
    const {rows, columns, samples, slope, intercept} = this.picture;
    const image = new ImageData(columns, rows);
    const [low, high] = this.window;
    const scale = 255 / (high - low || 1);
    const turned = this.inverted !== this.picture.inverted;
    for (let at = 0, to = 0; at < rows * columns; at += 1, to += 4) {
      for (let part = 0; part < 3; part += 1) {
        const value = this.values[at * samples + (samples > 1 ? part : 0)] * slope + intercept;
        const grey = (value - low) * scale;
        image.data[to + part] = turned ? 255 - grey : grey;
      }
      image.data[to + 3] = 255;
      if (this.signed) this.colour(image.data, to, this.values[at * samples] / (high || 1));
    }
    this.raster = element("canvas", {width: columns, height: rows});
    this.raster.getContext("2d").putImageData(image, 0, 0);
    return this.raster;
  }

  /** Blue below zero, white at it, red above. */
  colour(data, to, part) {
    const size = 255 * (1 - Math.min(1, Math.abs(part)));
    data[to] = part > 0 ? 255 : size;
    data[to + 1] = size;
    data[to + 2] = part < 0 ? 255 : size;
  }

  /** Screen pixels per column and per row, and where column 0 and row 0 begin. */
  transform() {
    const {rows, columns} = this.picture;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const fit = Math.min(width / (columns * this.aspect[1]), height / (rows * this.aspect[0]));
    this.fit = fit;
    const zoom = this.view.zoom * fit || fit;
    const [sx, sy] = [zoom * this.aspect[1], zoom * this.aspect[0]];
    const [cx, cy] = this.view.centre;
    return {sx, sy, x: width / 2 - cx * columns * sx, y: height / 2 - cy * rows * sy};
  }

  draw() {
    if (!this.picture || !this.canvas.clientWidth) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const at = this.transform();
    context.imageSmoothingEnabled = at.sx < 1;
    const {rows, columns} = this.picture;
    context.drawImage(this.rastered(), at.x, at.y, columns * at.sx, rows * at.sy);
    drawOverlays(context, this, at, width, height);
  }

  /** The pixel under a point of the canvas; null beside the image. */
  pixelAt(x, y) {
    const at = this.transform();
    const [column, row] = [Math.floor((x - at.x) / at.sx), Math.floor((y - at.y) / at.sy)];
    const inside = row >= 0 && column >= 0 && row < this.picture.rows && column < this.picture.columns;
    return inside ? [row, column] : null;
  }

  choose(pixel) {
    this.view.cursor = pixel;
    this.view.changed();
    this.onmove(pixel);
  }

  zoomBy(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const {rows, columns} = this.picture;
    const before = this.transform();
    const [column, row] = [(x - before.x) / before.sx, (y - before.y) / before.sy];
    this.view.zoom = Math.min(Math.max(4, 64 / this.fit), Math.max(1, (this.view.zoom || 1) * factor));
    const after = this.transform();
    this.view.centre = [
      (column * after.sx - x + this.canvas.clientWidth / 2) / (columns * after.sx),
      (row * after.sy - y + this.canvas.clientHeight / 2) / (rows * after.sy),
    ];
    if (this.view.zoom === 1) this.view.centre = [0.5, 0.5];
    this.view.changed();
  }

  fitAll() {
    Object.assign(this.view, {zoom: 0, centre: [0.5, 0.5]});
    this.view.changed();
  }

  panBy(dx, dy) {
    const at = this.transform();
    const {rows, columns} = this.picture;
    const [cx, cy] = this.view.centre;
    this.view.centre = [cx - dx / (columns * at.sx), cy - dy / (rows * at.sy)];
    this.view.changed();
  }
}
