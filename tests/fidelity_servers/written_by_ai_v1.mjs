// Transcripts of the data stream v1 of the AI SDK 4: node written_by_ai_v1.mjs FOLDER
//
// Needs ai@4.3.19 and zod@3 where it is started.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.cwd(), 'package.json'));
const load = async name => import(pathToFileURL(require.resolve(name)));
const { streamText, tool } = await load('ai');
const { z } = await load('zod');

const usage = { promptTokens: 7, completionTokens: 6 };
const end = finishReason => ({ type: 'finish', finishReason, usage });

function model(turns) {
  return {
    specificationVersion: 'v1',
    provider: 'scripted',
    modelId: 'tiny',
    defaultObjectGenerationMode: undefined,
    async doStream() {
      const parts = turns.shift();
      if (parts instanceof Error) throw parts;
      return {
        rawCall: { rawPrompt: null, rawSettings: {} },
        stream: new ReadableStream({
          start(controller) {
            for (const part of parts) controller.enqueue(part);
            controller.close();
          },
        }),
      };
    },
  };
}

const parameters = z.object({ city: z.string() });
const wind = tool({ description: 'Wind', parameters, execute: async () => 'calm' });
const locate = tool({ description: 'Where', parameters });

const call = name => [
  { type: 'tool-call-delta', toolCallType: 'function', toolCallId: 'c1', toolName: name, argsTextDelta: '{"city": "Zü' },
  { type: 'tool-call-delta', toolCallType: 'function', toolCallId: 'c1', toolName: name, argsTextDelta: 'rich"}' },
  { type: 'tool-call', toolCallType: 'function', toolCallId: 'c1', toolName: name, args: '{"city": "Zürich"}' },
  end('tool-calls'),
];

const runs = {
  ai_answer: [
    [{ type: 'reasoning', textDelta: 'I look ' }, { type: 'reasoning', textDelta: 'it up.' }, ...call('wind')],
    [
      { type: 'source', source: { sourceType: 'url', id: 's1', url: 'https://e.example/a', title: 'Wind' } },
      { type: 'text-delta', textDelta: 'It is ' },
      { type: 'text-delta', textDelta: 'calm 🙂\n' },
      end('stop'),
    ],
  ],
  ai_client_tool: [call('locate')],
  ai_length: [[{ type: 'text-delta', textDelta: 'Half an ' }, end('length')]],
  ai_error: [[{ type: 'text-delta', textDelta: 'Half an ' }, { type: 'error', error: new Error('the model is overloaded') }]],
  ai_error_first: [new Error('no such model')],
};

for (const [name, turns] of Object.entries(runs)) {
  let messages = 0;
  const result = streamText({
    model: model(turns),
    prompt: 'How windy is it?',
    tools: { wind, locate },
    toolCallStreaming: true,
    maxSteps: 3,
    maxRetries: 0,
    experimental_generateMessageId: () => `msg-${++messages}`,
    onError() {},
  });
  const response = result.toDataStreamResponse({
    sendReasoning: true,
    sendSources: true,
    getErrorMessage: error => error.message,
  });
  const type = response.headers.get('content-type');
  const version = response.headers.get('x-vercel-ai-data-stream');
  if (type !== 'text/plain; charset=utf-8' || version !== 'v1') throw new Error(`${type} ${version}`);
  writeFileSync(join(process.argv[2], `${name}.txt`), await response.text());
}
