// Asks with @microsoft/fetch-event-source, through connections that break off:
//     node fetch_event_source.cjs URL BODY BREAK_AFTER
// After BREAK_AFTER events of the first response the connection is lost. Prints all events.

const { fetchEventSource } = require('@microsoft/fetch-event-source');

// It is made for browsers.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

async function main(url, body, breakAfter) {
  const events = [];
  let requests = 0;
  let broken = null;
  const breaking = async (input, init) => {
    requests += 1;
    const response = await fetch(input, init);
    if (requests > 1) return response;
    const reader = response.body.getReader();
    const stream = new ReadableStream({
      async pull(controller) {
        broken = () => { reader.cancel(); controller.error(new Error('the connection was lost')); };
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
    return new Response(stream, { status: response.status, headers: response.headers });
  };
  await fetchEventSource(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    fetch: breaking,
    openWhenHidden: true,
    onmessage(event) {
      events.push(event);
      if (requests === 1 && events.length === Number(breakAfter)) broken();
    },
    onerror: () => 10,
  });
  console.log(JSON.stringify({ events, requests }));
}

main(...process.argv.slice(2));
