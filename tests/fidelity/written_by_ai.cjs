// Transcripts from Vercel's own software, npm's `ai`: run it to write the files anew.
//     NODE_PATH=.../node_modules node written_by_ai.cjs [FOLDER]
// It needs ai@6.0.326 in NODE_PATH, and prints the names of the files as JSON.

const fs = require('node:fs');
const path = require('node:path');
const { streamText, tool, stepCountIs, simulateReadableStream, jsonSchema } = require('ai');
const { MockLanguageModelV3 } = require('ai/test');

const FOLDER = process.argv[2] ?? path.join(__dirname, '..', 'transcripts', 'vercel');
const written = [];

const usage = {
  inputTokens: { total: 30, noCache: 10, cacheRead: 20, cacheWrite: 0 },
  outputTokens: { total: 12, text: 7, reasoning: 5 },
};
const start = [{ type: 'stream-start', warnings: [] }];
const finish = (reason) => [
  { type: 'finish', usage, finishReason: { unified: reason, raw: reason } },
];
const text = (id, ...pieces) => [
  { type: 'text-start', id },
  ...pieces.map((delta) => ({ type: 'text-delta', id, delta })),
  { type: 'text-end', id },
];
const reasoning = (id, delta) => [
  { type: 'reasoning-start', id },
  { type: 'reasoning-delta', id, delta },
  { type: 'reasoning-end', id },
];
const call = [
  { type: 'tool-input-start', id: 'call_1', toolName: 'wind' },
  { type: 'tool-input-delta', id: 'call_1', delta: '{"city": "Zü' },
  { type: 'tool-input-delta', id: 'call_1', delta: 'rich"}' },
  { type: 'tool-input-end', id: 'call_1' },
  { type: 'tool-call', toolCallId: 'call_1', toolName: 'wind', input: '{"city": "Zürich"}' },
];
const inputSchema = jsonSchema({ type: 'object', properties: { city: { type: 'string' } } });
const wind = tool({ description: 'how windy it is', inputSchema });

function model(...runs) {
  let run = 0;
  return new MockLanguageModelV3({
    doStream: async () => {
      const chunks = runs[run++];
      if (chunks instanceof Error) throw chunks;
      return { stream: simulateReadableStream({ chunks }) };
    },
  });
}

async function write(name, options) {
  const result = streamText({ prompt: 'Hi', maxRetries: 0, onError: () => {}, ...options });
  const response = result.toUIMessageStreamResponse({
    generateMessageId: () => 'msg-1',
    originalMessages: [],
    sendSources: true,
    onError: (error) => error.message ?? String(error),
    messageMetadata: ({ part }) => {
      if (part.type === 'start') return { model: 'tiny' };
      if (part.type === 'finish') return { usage: part.totalUsage };
    },
  });
  fs.writeFileSync(path.join(FOLDER, `${name}.txt`), await response.text());
  written.push(name);
}

async function main() {
  const page = { sourceType: 'url', id: 's1', url: 'https://weather.example/z', title: 'Weather' };
  const book = {
    sourceType: 'document',
    id: 's2',
    mediaType: 'application/pdf',
    title: 'Handbook',
    filename: 'book.pdf',
  };
  await write('answer', {
    model: model([
      ...start,
      ...reasoning('r1', 'The city is Zürich.'),
      ...text('t1', 'It is ', '8 °C', ' 🙂'),
      { type: 'source', ...page },
      { type: 'source', ...book },
      ...finish('stop'),
    ]),
  });
  await write('client_tool', {
    model: model([...start, ...text('t1', 'I look.'), ...call, ...finish('tool-calls')]),
    tools: { wind },
  });
  await write('server_tool', {
    model: model(
      [...start, ...call, ...finish('tool-calls')],
      [...start, ...text('t1', 'It is calm.'), ...finish('stop')],
    ),
    tools: { wind: { ...wind, execute: async () => 'calm' } },
    stopWhen: stepCountIs(3),
  });
  const half = [{ type: 'text-start', id: 't1' }, { type: 'text-delta', id: 't1', delta: 'Half' }];
  const error = new Error('the model is overloaded');
  await write('error_in_mid_stream', {
    model: model([...start, ...half, { type: 'error', error }, ...finish('error')]),
  });
  await write('error_first', { model: model(error) });
  const stop = new AbortController();
  await write('abort', {
    model: model([...start, ...text('t1', 'Half', ' an'), ...finish('stop')]),
    abortSignal: stop.signal,
    onChunk: () => stop.abort('enough'),
  });
  const wrong = { type: 'tool-call', toolCallId: 'call_1', toolName: 'rain', input: '{"city":' };
  await write('wrong_tool', {
    model: model([...start, wrong, ...finish('tool-calls')]),
    tools: { wind },
  });
}

main().then(() => console.log(JSON.stringify(written)));
