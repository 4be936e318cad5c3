'use strict';

const path = require('node:path');
const sharp = require('sharp');

const formats = { webp: 'image/webp', png: 'image/png', jpeg: 'image/jpeg', avif: 'image/avif' };
const maxPixels = 40_000_000;

/** POST a picture, or GET for the bundled one. Query: width (1 to 4000, else 320), format (webp, png, jpeg or avif). */
module.exports = async (event, context) => {
  const width = Number(event.query.width ?? 320);
  const format = event.query.format ?? 'webp';
  if (!Number.isInteger(width) || width < 1 || width > 4000) {
    return context.status(400).succeed('width must be a whole number from 1 to 4000.\n');
  }
  if (!Object.hasOwn(formats, format)) {
    return context.status(400).succeed(`format must be one of ${Object.keys(formats).join(', ')}.\n`);
  }
  const hasBody = Buffer.isBuffer(event.body) && event.body.length > 0;
  const source = hasBody ? event.body : path.join(__dirname, 'wherry.svg');
  try {
    const { data, info } = await sharp(source, { limitInputPixels: maxPixels })
      .rotate() // by the camera's own note, before it is lost
      .resize({ width, withoutEnlargement: hasBody })
      .toFormat(format)
      .toBuffer({ resolveWithObject: true });
    console.log(`Made a ${format} of ${info.width} × ${info.height} pixels, ${data.length} bytes.`);
    return context
      .headers({ 'content-type': formats[format], 'x-image-size': `${info.width}x${info.height}` })
      .succeed(data);
  } catch (error) {
    console.error(`Not a picture that can be read: ${error.message}`);
    return context
      .status(415)
      .succeed(
        'The body is not a picture that can be read, or has more than 40 million pixels. Post a JPEG, PNG, WebP, AVIF, GIF or SVG.\n',
      );
  }
};
