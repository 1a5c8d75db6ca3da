// A page with the hook `useChat`: the question, the answer with its parts, and a reload that goes
// on. A real site loads the conversation from its database; here the tab's storage keeps it.

import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';

const transport = new DefaultChatTransport({ api: '/api/chat' });
const kept = JSON.parse(sessionStorage.getItem('questions') || '[]');

function Part({ part }) {
  if (part.type === 'text') return <p>{part.text}</p>;
  if (part.type === 'reasoning') return <details open>{part.text}</details>;
  if (part.type === 'source-url') return <a href={part.url}>{part.title}</a>;
  if (part.type.startsWith('tool-')) {
    const said = `${part.type} ${part.state} ${JSON.stringify(part.input)} ${part.output ?? ''}`;
    return <pre>{said}</pre>;
  }
  return null;
}

function Page() {
  const [text, setText] = useState('');
  const { messages, status, error, sendMessage, regenerate } = useChat({
    id: 'chat-1',
    messages: kept,
    resume: kept.length > 0,
    transport,
  });
  useEffect(() => {
    const questions = messages.filter((message) => message.role === 'user');
    sessionStorage.setItem('questions', JSON.stringify(questions));
  }, [messages]);
  const send = (event) => {
    event.preventDefault();
    sendMessage({ text });
    setText('');
  };
  return (
    <>
      <div role="log">
        {messages.map((message) => (
          <article key={message.id} aria-label={message.role}>
            {message.parts.map((part, place) => <Part key={place} part={part} />)}
          </article>
        ))}
      </div>
      <p role="status">{status}</p>
      {error && <p role="alert">{error.message}</p>}
      <form onSubmit={send}>
        <input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} />
        <button>Send</button>
      </form>
      <button onClick={() => regenerate()}>Regenerate</button>
    </>
  );
}

createRoot(document.getElementById('root')).render(<Page />);
