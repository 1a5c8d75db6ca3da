// Transcripts of Mastra's agents, with a scripted model: node written_by_mastra.mjs FOLDER
//
// Needs @mastra/core@1.71 and zod@4 where it is started. Ids and times are replaced, because they
// differ each time. `steps` and `messages` of the last events are left out: they say everything
// once more, in kilobytes.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.cwd(), 'package.json'));
const load = async name => import(pathToFileURL(require.resolve(name)));
const { Agent } = await load('@mastra/core/agent');
const { createTool } = await load('@mastra/core/tools');
const { z } = await load('zod');

const usage = { inputTokens: 7, outputTokens: 6, totalTokens: 13 };
const end = finishReason => ({ type: 'finish', finishReason, usage });

function model(turns) {
  return {
    specificationVersion: 'v2',
    provider: 'scripted',
    modelId: 'tiny',
    supportedUrls: {},
    async doStream() {
      const parts = [{ type: 'stream-start', warnings: [] }, ...turns.shift()];
      return { stream: new ReadableStream({
        start(controller) {
          for (const part of parts) controller.enqueue(part);
          controller.close();
        },
      }) };
    },
  };
}

const wind = createTool({
  id: 'wind',
  description: 'The wind in a city.',
  inputSchema: z.object({ city: z.string() }),
  execute: async () => 'calm',
});

const runs = {
  mastra_agent: [
    [
      { type: 'reasoning-start', id: 'r' },
      { type: 'reasoning-delta', id: 'r', delta: 'I look ' },
      { type: 'reasoning-delta', id: 'r', delta: 'it up.' },
      { type: 'reasoning-end', id: 'r' },
      { type: 'tool-input-start', id: 'c1', toolName: 'wind' },
      { type: 'tool-input-delta', id: 'c1', delta: '{"city": "Zü' },
      { type: 'tool-input-delta', id: 'c1', delta: 'rich"}' },
      { type: 'tool-input-end', id: 'c1' },
      { type: 'tool-call', toolCallId: 'c1', toolName: 'wind', input: '{"city": "Zürich"}' },
      end('tool-calls'),
    ],
    [
      { type: 'text-start', id: 't' },
      { type: 'text-delta', id: 't', delta: 'It is ' },
      { type: 'text-delta', id: 't', delta: 'calm 🙂' },
      { type: 'text-end', id: 't' },
      { type: 'source', sourceType: 'url', id: 's1', url: 'https://e.example/a', title: 'Wind' },
      end('stop'),
    ],
  ],
  mastra_error: [
    [
      { type: 'text-start', id: 't' },
      { type: 'text-delta', id: 't', delta: 'Half an ' },
      { type: 'error', error: new Error('the model is overloaded') },
    ],
  ],
};

for (const [name, turns] of Object.entries(runs)) {
  const agent = new Agent({
    id: 'agent-1', name: 'agent-1', instructions: 'Answer.', model: model(turns), tools: { wind },
  });
  const stream = await agent.stream('How windy is it?', { maxRetries: 0 });
  const ids = new Map();
  let body = '';
  for await (const event of stream.fullStream) {
    if (event.payload?.output) delete event.payload.output.steps;
    if (event.payload) delete event.payload.messages;
    if (event.payload?.error instanceof Error) {
      const { message, name } = event.payload.error;
      event.payload.error = { message, name, stack: `${name}: ${message}\n    at model.js` };
    }
    body += `data: ${JSON.stringify(event)}\n\n`;
  }
  body = body
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, id => {
      if (!ids.has(id)) ids.set(id, `id-${ids.size + 1}`);
      return ids.get(id);
    })
    .replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"2026-11-29T12:00:00.000Z"')
    .replace(/"(startedAt|createdAt|endedAt)":\d{13}/g, '"$1":1790000000000')
    .replace(/\s+at [^"\\]*(?=\\n|")/g, '');
  writeFileSync(join(process.argv[2], `${name}.txt`), body);
}
