# Sidekiq's part of queues.py: a process with its own number of threads, 10.
require 'sidekiq'

EVERY = 100
REDIS = { url: "unix://#{ENV.fetch('PEER_SOCKET')}" }.freeze
Sidekiq.configure_client { |config| config.redis = REDIS.merge(size: 2) }
Sidekiq.configure_server { |config| config.redis = REDIS }
Sidekiq.logger.level = Logger::ERROR

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
end

class Noop
  include Sidekiq::Worker
  @lock = Mutex.new
  @ran = 0
  class << self
    def count
      @lock.synchronize { (@ran += 1) % EVERY == 0 }
    end
  end

  def perform(number = -1)
    if number >= 0
      STDOUT.syswrite("at #{number} #{now}\n")
    elsif Noop.count
      STDOUT.syswrite("ran #{EVERY}\n")
    end
  end
end

if ARGV[0] == 'work'
  exec('sidekiq', '-r', __FILE__, '-c', '10')
elsif ARGV[0] == 'enqueue'
  Array.new(ARGV[1].to_i) { [] }.each_slice(1000) { |some| Sidekiq::Client.push_bulk('class' => Noop, 'args' => some) }
elsif ARGV[0] == 'pace'
  ARGV[1].to_i.times do |number|
    Noop.perform_async(number)
    STDOUT.syswrite("#{number} #{now}\n")
    sleep(ARGV[2].to_f)
  end
end
