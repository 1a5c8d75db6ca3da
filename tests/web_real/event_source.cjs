// Posts for an address, and follows it with npm's `eventsource` until the server says 204:
//     node event_source.cjs URL BODY
// Prints all events and the status that ended it.

const { EventSource } = require('eventsource');

async function main(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
  });
  const { id, stream } = await response.json();
  const events = [];
  const source = new EventSource(new URL(stream, url));
  source.onmessage = (event) => events.push({ id: event.lastEventId, data: event.data });
  const ended = await new Promise((resolve) => {
    source.onerror = (error) => { if (source.readyState === source.CLOSED) resolve(error.code); };
  });
  console.log(JSON.stringify({ status: response.status, id, events, ended }));
}

main(...process.argv.slice(2));
