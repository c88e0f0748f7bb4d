// BullMQ's part of queues.py: a process that runs up to a hundred at once, and does not keep what has succeeded.
const { Queue, Worker } = require('bullmq');
const EVERY = 100;
const connection = { path: process.env.PEER_SOCKET, maxRetriesPerRequest: null };
const [verb, count, pause] = process.argv.slice(2);
const gone = { removeOnComplete: true };

function work() {
    let ran = 0;
    new Worker('peer', async (job) => {
        if (job.data.n >= 0) process.stdout.write(`at ${job.data.n} ${process.hrtime.bigint()}\n`);
        else if (++ran % EVERY === 0) process.stdout.write(`ran ${EVERY}\n`);
    }, { connection, concurrency: 100 });
}

async function enqueue(queue) {
    for (let n = 0; n < count; n += 1000)
        await queue.addBulk(Array.from({ length: Math.min(1000, count - n) }, () => ({ name: 'noop', data: {}, opts: gone })));
}

async function pace(queue) {
    for (let n = 0; n < count; n++) {
        await queue.add('noop', { n }, gone);
        process.stdout.write(`${n} ${process.hrtime.bigint()}\n`);
        await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    }
}

async function send() {
    const queue = new Queue('peer', { connection });
    await (verb === 'enqueue' ? enqueue(queue) : pace(queue));
    await queue.close();
}

if (verb === 'work') work();
else send();
