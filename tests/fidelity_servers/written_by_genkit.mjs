// Transcripts of Genkit's flows behind Express, with a scripted model:
// node written_by_genkit.mjs FOLDER
//
// Needs genkit@1.42.0 and @genkit-ai/express@1.42.0 where it is started. Ids and times are
// replaced, because they differ each time.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.cwd(), 'package.json'));
const load = async name => import(pathToFileURL(require.resolve(name)));
const { genkit, z } = await load('genkit');
const { expressHandler } = await load('@genkit-ai/express');
const express = (await import(pathToFileURL(
  createRequire(require.resolve('@genkit-ai/express')).resolve('express')))).default;

const ai = genkit({});
const usage = { inputTokens: 7, outputTokens: 6, totalTokens: 13 };
const done = content => ({ message: { role: 'model', content }, finishReason: 'stop', usage });

ai.defineModel({ name: 'tiny', supports: { tools: true, multiturn: true } },
  async (request, stream) => {
    const last = request.messages.at(-1);
    const words = last.content[0].text ?? '';
    if (last.role !== 'tool' && words === 'Look') {
      stream?.({ content: [{ reasoning: 'I look it up.' }] });
      const call = { toolRequest: { name: 'wind', ref: 'c1', input: { city: 'Zürich' } } };
      stream?.({ content: [call] });
      return done([call]);
    }
    stream?.({ content: [{ text: 'It is ' }] });
    if (words === 'Break') throw new Error('the model is overloaded');
    stream?.({ content: [{ text: 'calm 🙂' }] });
    return done([{ text: 'It is calm 🙂' }]);
  });
const wind = ai.defineTool({
  name: 'wind', description: 'The wind in a city.',
  inputSchema: z.object({ city: z.string() }), outputSchema: z.string(),
}, async () => 'calm');

const chat = ai.defineFlow({ name: 'chat', inputSchema: z.string() }, async (prompt, { sendChunk }) => {
  const { stream, response } = ai.generateStream({ model: 'tiny', prompt, tools: [wind] });
  for await (const chunk of stream) sendChunk(chunk.toJSON());
  const { message, finishReason, usage: counted } = await response;
  return { message: message.toJSON(), finishReason, usage: { ...counted } };
});
const words = ai.defineFlow({ name: 'words', inputSchema: z.string() }, async (prompt, { sendChunk }) => {
  const { stream, response } = ai.generateStream({ model: 'tiny', prompt });
  for await (const chunk of stream) sendChunk(chunk.text);
  return (await response).text;
});

const app = express();
app.use(express.json());
app.post('/chat', expressHandler(chat));
app.post('/words', expressHandler(words));
const server = app.listen(0, '127.0.0.1');
await new Promise(resolve => server.once('listening', resolve));

const runs = {
  genkit_tool: ['chat', 'Look'],
  genkit_error: ['chat', 'Break'],
  genkit_words: ['words', 'Short'],
};
for (const [name, [flow, data]] of Object.entries(runs)) {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/${flow}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
    body: JSON.stringify({ data }),
  });
  if (!answer.headers.get('content-type').startsWith('text/plain')) throw new Error('another type');
  const body = (await answer.text())
    .replace(/"(latencyMs|startTime|endTime)":[\d.]+/g, '"$1":1');
  writeFileSync(join(process.argv[2], `${name}.txt`), body);
}
server.close();
process.exit(0);
