// Packed values (packed.py) back to a typed array: base64, inflate, bytes of one weight together, differences.

const ARRAYS = {
  u1: Uint8Array, i1: Int8Array, u2: Uint16Array, i2: Int16Array, u4: Uint32Array, i4: Int32Array,
  u8: BigUint64Array, i8: BigInt64Array, f4: Float32Array, f8: Float64Array,
};
const WHOLE = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array};

async function inflated(text) {
  const packed = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function joined(planes, size) {
  const count = planes.length / size;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < size; plane += 1) {
    const start = plane * count;
    for (let at = 0; at < count; at += 1) bytes[at * size + plane] = planes[start + at];
  }
  return bytes;
}

function summed(whole, row, samples) {
  for (let start = 0; start < whole.length; start += row) {
    for (let at = start + samples; at < start + row; at += 1) whole[at] += whole[at - samples];
  }
}

/** The values of a picture: an array of numbers as stored; value = stored * slope + intercept. */
async function unpack(picture) {
  const size = Number(picture.dtype[1]);
  const bytes = joined(await inflated(picture.data), size);
  if (picture.dtype[0] !== "f") {
    summed(new WHOLE[size](bytes.buffer), picture.columns * picture.samples, picture.samples);
  }
  const stored = new ARRAYS[picture.dtype](bytes.buffer);
  return size === 8 && picture.dtype[0] !== "f" ? Float64Array.from(stored, Number) : stored;
}

/** Of a picture: its packed values, or none where they were left out. */
function picturesOf(item) {
  const data = JSON.parse(document.getElementById(`pictures-${item}`).textContent);
  return data.map((picture) => ({
    ...picture,
    data: document.getElementById(`values-${item}-${picture.number}`).textContent,
  }));
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
