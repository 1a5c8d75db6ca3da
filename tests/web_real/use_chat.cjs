// What `useChat` runs on, in Node: `Chat` of @ai-sdk/react with the default transport.
//     node use_chat.cjs API STEPS
// STEPS is a list such as ["send Hi", "leave", "resume"]: "send" asks and waits for the answer,
// "begin" asks and waits for its first text, "leave" aborts as a reload does and makes another
// chat of what the page had, "resume" goes on. "allow" and "deny" answer the question about the first
// call that waits, and wait for the end of what follows. Prints the messages, the status and the
// errors.

const { Chat } = require('@ai-sdk/react');
const { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } = require('ai');

async function main(api, steps) {
  const errors = [];
  const make = (messages) => new Chat({
    id: 'chat-1',
    messages,
    transport: new DefaultChatTransport({ api }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
    onError: (error) => errors.push(error.message),
  });
  let chat = make([]);
  for (const step of JSON.parse(steps)) {
    const [verb, ...words] = step.split(' ');
    if (verb === 'send') await chat.sendMessage({ text: words.join(' ') });
    if (verb === 'regenerate') await chat.regenerate();
    if (verb === 'resume') await chat.resumeStream();
    if (verb === 'begin') {
      const begun = new Promise((resolve) => {
        chat['~registerMessagesCallback'](() => {
          const last = chat.messages[chat.messages.length - 1];
          if (last.role === 'assistant' && last.parts.some((part) => part.text)) resolve();
        });
      });
      chat.sendMessage({ text: words.join(' ') });
      await begun;
    }
    if (verb === 'allow' || verb === 'deny') {
      const parts = chat.messages[chat.messages.length - 1].parts;
      const waiting = parts.filter((part) => part.state === 'approval-requested');
      const reason = words.length ? words.join(' ') : undefined;
      await chat.addToolApprovalResponse({ id: waiting[0].approval.id, approved: verb === 'allow', reason });
      if (waiting.length === 1) {
        await new Promise((resolve) => {
          let begun = false;
          chat['~registerStatusCallback'](() => {
            begun = begun || chat.status !== 'ready';
            if (begun && ['ready', 'error'].includes(chat.status)) resolve();
          });
          if (chat.status !== 'ready') begun = true;
        });
      }
    }
    if (verb === 'leave') {
      await chat.stop();
      chat = make(chat.messages.filter((message) => message.role === 'user'));
    }
  }
  console.log(JSON.stringify({ messages: chat.messages, status: chat.status, errors }));
}

main(...process.argv.slice(2));
