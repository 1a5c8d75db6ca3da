// Reads an answer as useChat does, with npm's `ai`, and prints the message as JSON:
//     node read_with_ai.cjs URL REQUEST
// REQUEST is what to send, {"id", "messages"}. Errors of the stream are printed beside the message.

const { DefaultChatTransport, readUIMessageStream } = require('ai');

async function main(api, request) {
  const { id, messages } = JSON.parse(request);
  const errors = [];
  let message = null;
  try {
    const stream = await new DefaultChatTransport({ api }).sendMessages({
      chatId: id,
      messages,
      trigger: 'submit-message',
      messageId: undefined,
      abortSignal: undefined,
    });
    const onError = (error) => errors.push(error.message);
    for await (const next of readUIMessageStream({ stream, onError })) message = next;
  } catch (error) {
    errors.push(error.message);
  }
  console.log(JSON.stringify({ message, errors }));
}

main(...process.argv.slice(2));
