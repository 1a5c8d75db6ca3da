// Transcripts in the frames of Amazon's own codec: node written_by_smithy.mjs FOLDER
//
// Needs @smithy/eventstream-codec where it is started. The payloads are composed after Bedrock's
// documentation.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));
const { EventStreamCodec } = require('@smithy/eventstream-codec');
const codec = new EventStreamCodec(bytes => Buffer.from(bytes).toString('utf8'), text => Buffer.from(text));

const frame = (name, payload, kind = 'event') => codec.encode({
  headers: {
    [`:${kind}-type`]: { type: 'string', value: name },
    ':content-type': { type: 'string', value: 'application/json' },
    ':message-type': { type: 'string', value: kind },
    'x-flag': { type: 'boolean', value: true },
    'x-count': { type: 'integer', value: 7 },
    'x-time': { type: 'timestamp', value: new Date(1790000000000) },
    'x-bytes': { type: 'binary', value: Buffer.from([1, 2, 3]) },
  },
  body: Buffer.from(JSON.stringify(payload)),
});
const delta = (index, value) => frame('contentBlockDelta', { contentBlockIndex: index, delta: value, p: 'abcd' });

const bodies = {
  smithy_answer: [
    frame('messageStart', { role: 'assistant' }),
    delta(0, { reasoningContent: { text: 'I look ' } }),
    delta(0, { reasoningContent: { text: 'it up.' } }),
    delta(0, { reasoningContent: { signature: 'c2lnbmVk' } }),
    frame('contentBlockStop', { contentBlockIndex: 0 }),
    delta(1, { text: 'It is ' }),
    delta(1, { text: 'calm 🙂' }),
    delta(1, { citation: { title: 'Wind', source: 'd1', sourceContent: [{ text: 'calm' }], location: { web: { url: 'https://e.example/a' } } } }),
    frame('contentBlockStop', { contentBlockIndex: 1 }),
    frame('contentBlockStart', { contentBlockIndex: 2, start: { toolUse: { toolUseId: 'c1', name: 'wind' } } }),
    delta(2, { toolUse: { input: '{"city": "Zü' } }),
    delta(2, { toolUse: { input: 'rich"}' } }),
    frame('contentBlockStop', { contentBlockIndex: 2 }),
    frame('messageStop', { stopReason: 'tool_use' }),
    frame('metadata', { usage: { inputTokens: 7, outputTokens: 6, totalTokens: 13, cacheReadInputTokens: 2 }, metrics: { latencyMs: 9 } }),
  ],
  smithy_exception: [
    frame('messageStart', { role: 'assistant' }),
    delta(0, { text: 'Half an ' }),
    frame('throttlingException', { message: 'Too many tokens' }, 'exception'),
  ],
};

for (const [name, frames] of Object.entries(bodies)) {
  writeFileSync(join(process.argv[2], `${name}.txt`), Buffer.concat(frames));
}
