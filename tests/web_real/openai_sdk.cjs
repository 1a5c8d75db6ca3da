// Asks a gateway with OpenAI's own SDK: node openai_sdk.cjs BASE_URL. Prints what it streams.

const OpenAI = require('openai');

async function main(baseURL) {
  const client = new OpenAI({ baseURL, apiKey: 'any', maxRetries: 0 });
  const stream = await client.chat.completions.create({
    model: 'any', messages: [{ role: 'user', content: 'Hi' }], stream: true,
  });
  const texts = [];
  let reason = null;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta?.content) texts.push(chunk.choices[0].delta.content);
    reason = chunk.choices[0]?.finish_reason ?? reason;
  }
  const whole = await client.chat.completions.create({
    model: 'any', messages: [{ role: 'user', content: 'Hi' }],
  });
  const models = await client.models.list();
  console.log(JSON.stringify({
    texts, reason, whole: whole.choices[0].message.content, models: models.data.map((one) => one.id),
  }));
}

main(...process.argv.slice(2));
