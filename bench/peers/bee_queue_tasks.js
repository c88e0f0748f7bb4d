// bee-queue's part of queues.py: a process that runs up to a hundred at once, and does not keep what has succeeded.
const Queue = require('bee-queue');
const EVERY = 100;
const [verb, count, pause] = process.argv.slice(2);
const redis = { path: process.env.PEER_SOCKET };

function work() {
    let ran = 0;
    new Queue('peer', { redis, removeOnSuccess: true, sendEvents: false, storeJobs: false }).process(100, async (job) => {
        if (job.data.n >= 0) process.stdout.write(`at ${job.data.n} ${process.hrtime.bigint()}\n`);
        else if (++ran % EVERY === 0) process.stdout.write(`ran ${EVERY}\n`);
    });
}

async function pace(queue) {
    for (let n = 0; n < count; n++) {
        await queue.createJob({ n }).save();
        process.stdout.write(`${n} ${process.hrtime.bigint()}\n`);
        await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    }
}

async function enqueue(queue) {
    for (let n = 0; n < count; n += 1000)
        await queue.saveAll(Array.from({ length: Math.min(1000, count - n) }, () => queue.createJob({})));
}

async function send() {
    const queue = new Queue('peer', { redis, isWorker: false, getEvents: false, sendEvents: false, storeJobs: false });
    await (verb === 'enqueue' ? enqueue(queue) : pace(queue));
    await queue.close();
}

if (verb === 'work') work();
else send();
