// Reads server-sent events with npm's `eventsource-parser`, and prints the events as JSON:
//     node read_with_eventsource_parser.cjs FILE...
//     node read_with_eventsource_parser.cjs --post BODY URL...

const fs = require('node:fs');
const { createParser } = require('eventsource-parser');
const { EventSourceParserStream } = require('eventsource-parser/stream');

const facts = (event) => [event.event ?? 'message', event.data, event.id ?? ''];

function fromFile(file) {
  const events = [];
  const parser = createParser({ onEvent: (event) => events.push(facts(event)) });
  // As a page decodes a body: without the byte order mark.
  parser.feed(new TextDecoder().decode(fs.readFileSync(file)));
  return events;
}

async function fromServer(url, body) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body });
  const stream = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  const events = [];
  for await (const event of stream) events.push(facts(event));
  return events;
}

async function main(first, ...rest) {
  if (first !== '--post') return [first, ...rest].map(fromFile);
  const [body, ...urls] = rest;
  return Promise.all(urls.map((url) => fromServer(url, body)));
}

main(...process.argv.slice(2)).then((found) => console.log(JSON.stringify(found)));
