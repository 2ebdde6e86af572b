#include "serve/control.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <mutex>
#include <thread>

namespace transept::serve {
namespace asio = boost::asio;
namespace {

constexpr int kForced = 70;  // sysexits.h: EX_SOFTWARE
// After a second signal, for those who are told 503.
constexpr std::chrono::milliseconds kLastWords{2500};

}  // namespace

struct Control::State {
  State(const HttpOptions& given, Handlers handlers_given)
      : options(given), handlers(std::move(handlers_given)) {}

  void wait() {
    signals.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      number == SIGHUP ? call(handlers.reload) : stop();
      wait();
    });
  }

  void stop() {
    ++n_stops;
    if (n_stops == 1) {
      call(handlers.drain);
      force_after(std::chrono::milliseconds(options.drain_ms) +
                  std::chrono::milliseconds(options.force_ms));
    } else if (n_stops == 2) {
      call(handlers.cancel);
      force_after(kLastWords);
    } else {
      force_after({});
    }
  }

  // A later time than before changes nothing.
  void force_after(std::chrono::milliseconds time) {
    const auto at = asio::steady_timer::clock_type::now() + time;
    if (n_stops > 1 && force.expiry() <= at) return;
    force.expires_at(at);
    force.async_wait([this](const boost::system::error_code& error) {
      if (!error && options.end_by_force) options.end_by_force(kForced);
    });
  }

  void call(const std::function<void()>& handler) {
    const std::lock_guard lock(mutex);
    if (!released) handler();
  }

  HttpOptions options;
  Handlers handlers;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::signal_set signals{io};
  asio::steady_timer force{io};
  int n_stops = 0;
  std::mutex mutex;
  bool released = false;  // under mutex
  std::thread thread;
};

Control::Control(const HttpOptions& options, Handlers handlers)
    : state_(std::make_unique<State>(options, std::move(handlers))) {}

void Control::start() {
  State& s = *state_;
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) s.signals.add(number);
  s.wait();
  s.thread = std::thread([&s] { s.io.run(); });
}

void Control::release() {
  const std::lock_guard lock(state_->mutex);
  state_->released = true;
}

Control::~Control() {
  state_->io.stop();
  if (state_->thread.joinable()) state_->thread.join();
}

}  // namespace transept::serve
