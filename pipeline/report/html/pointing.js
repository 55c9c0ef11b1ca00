// What mouse, fingers and keys do to a picture.

Canvas.prototype.listen = function listen() {
  const {canvas} = this;
  const down = new Map();
  let moved = false;
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    if (!this.picture) return;
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }, {passive: false});
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [event.offsetX, event.offsetY]);
    moved = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!this.picture) return;
    const here = [event.offsetX, event.offsetY];
    if (!down.has(event.pointerId)) {
      this.choose(this.pixelAt(...here));
      return;
    }
    const before = down.get(event.pointerId);
    const step = [here[0] - before[0], here[1] - before[1]];
    moved ||= Math.hypot(...step) > 2;
    if (down.size === 2) this.pinch(down, event.pointerId, here);
    else if (event.buttons === 2 || event.shiftKey) this.drag(step);
    else if (moved) this.panBy(...step);
    if (moved) down.set(event.pointerId, here);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      down.delete(event.pointerId);
      if (!moved && this.picture) this.choose(this.pixelAt(event.offsetX, event.offsetY));
    });
  }
  canvas.addEventListener("keydown", (event) => this.key(event));
};

Canvas.prototype.pinch = function pinch(down, moving, here) {
  const [other] = [...down].filter(([id]) => id !== moving).map(([, point]) => point);
  const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
  const middle = [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2];
  this.zoomBy(apart(here) / apart(down.get(moving)), ...middle);
  down.set(moving, here);
};

/** Change the window: sideways its width, up and down its level. */
Canvas.prototype.drag = function drag([dx, dy]) {
  const [low, high] = this.window;
  const width = (high - low) * Math.exp(dx / 200);
  const level = (low + high) / 2 + (dy / 200) * (high - low);
  this.onwindow(level - width / 2, level + width / 2);
};

const STEPS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};

Canvas.prototype.key = function key(event) {
  if (!this.picture || event.ctrlKey || event.metaKey || event.altKey) return;
  const {rows, columns} = this.picture;
  const step = STEPS[event.key];
  if (step) {
    const [row, column] = this.view.cursor ?? [Math.floor(rows / 2), Math.floor(columns / 2)];
    const far = event.shiftKey ? 10 : 1;
    const clamp = (value, most) => Math.min(most - 1, Math.max(0, value));
    this.choose([clamp(row + far * step[0], rows), clamp(column + far * step[1], columns)]);
  } else if (event.key === "+" || event.key === "=") this.zoomBy(1.25);
  else if (event.key === "-") this.zoomBy(0.8);
  else if (event.key === "0") this.fitAll();
  else if (this.onkey?.(event.key)) { /* done there */ } else return;
  event.preventDefault();
};
