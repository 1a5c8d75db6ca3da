// Reads files of server-sent events with npm's `eventsource-parser`, and prints the events as JSON:
//     node read_with_eventsource_parser.cjs FILE...

const fs = require('node:fs');
const { createParser } = require('eventsource-parser');

const found = process.argv.slice(2).map((file) => {
  const events = [];
  const parser = createParser({
    onEvent: (event) => events.push([event.event ?? 'message', event.data, event.id ?? '']),
  });
  // As a page decodes a body: without the byte order mark.
  parser.feed(new TextDecoder().decode(fs.readFileSync(file)));
  return events;
});
console.log(JSON.stringify(found));
