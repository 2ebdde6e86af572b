#include "serve/off_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "serve/errors.h"
#include "serve/http.h"
#include "serve/workers.h"

namespace transept::serve {
namespace {

// A server that nobody asks: a loop to run coroutines on.
class OffLoop : public ::testing::Test {
 protected:
  void SetUp() override {
    HttpOptions options;
    options.port = 0;
    server_ = HttpServer::make(options);
    io_ = std::thread([this] { server_->run([](Exchange&) -> Task<void> { co_return; }); });
  }
  void TearDown() override {
    server_->stop();
    io_.join();
  }
  // Runs the task on the I/O thread to its end.
  void run(std::function<Task<void>()> make) {
    std::promise<std::exception_ptr> ended;
    server_->post(
        [&] { spawn(make(), [&](const std::exception_ptr& error) { ended.set_value(error); }); });
    if (const std::exception_ptr error = ended.get_future().get()) std::rethrow_exception(error);
  }

  std::unique_ptr<HttpServer> server_;
  std::thread io_;
  Scope scope_;
};

TEST_F(OffLoop, RunsElsewhereAndComesBack) {
  run([&]() -> Task<void> {
    const auto io = std::this_thread::get_id();
    const auto worker =
        co_await off_loop(*server_, scope_, [] { return std::this_thread::get_id(); });
    EXPECT_NE(worker, io);
    EXPECT_EQ(std::this_thread::get_id(), io);
    int local = 0;
    co_await off_loop(*server_, scope_, [&] { local = 5; });
    EXPECT_EQ(local, 5);
  });
}

TEST_F(OffLoop, HandsOverWhatIsThrown) {
  const auto fails = [&]() -> Task<void> {
    co_await off_loop(*server_, scope_, [] { throw std::runtime_error("so"); });
  };
  EXPECT_THROW(run(fails), std::runtime_error);
}

TEST_F(OffLoop, TheLoopAnswersMeanwhile) {
  std::promise<void> go;
  std::atomic<bool> ended{false};
  const auto waits = [&]() -> Task<void> {
    co_await off_loop(*server_, scope_, [&] { go.get_future().wait(); });
  };
  server_->post([&] { spawn(waits(), [&](const std::exception_ptr&) { ended = true; }); });
  run([]() -> Task<void> { co_return; });  // the I/O thread is free
  EXPECT_FALSE(ended);
  go.set_value();
  while (!ended) std::this_thread::yield();
}

TEST_F(OffLoop, WhoHasGoneIsNotWorkedFor) {
  std::promise<void> go;
  std::shared_future<void> gone(go.get_future());
  std::atomic<int> blocked{0};
  std::atomic<int> n_errors{0};
  bool ran = false;
  for (int i = 0; i < Workers::kThreads; ++i)  // all of them have something to do
    ASSERT_TRUE(server_->post_work([&, gone] {
      ++blocked;
      gone.wait();
    }));
  while (blocked < Workers::kThreads) std::this_thread::yield();
  const auto wants = [&]() -> Task<void> {
    co_await off_loop(*server_, scope_, [&] { ran = true; });
  };
  server_->post([&] {
    spawn(wants(), [&](const std::exception_ptr& error) { n_errors += error ? 1 : 10; });
    scope_.cancel(Ended::client_gone);
    go.set_value();
  });
  while (n_errors == 0) std::this_thread::yield();
  EXPECT_EQ(n_errors, 1);
  EXPECT_FALSE(ran);
}

TEST_F(OffLoop, RefusesWhenTooMuchWaits) {
  std::promise<void> go;
  std::shared_future<void> gone(go.get_future());
  std::atomic<int> blocked{0};
  const auto blocks = [&blocked, gone] {
    ++blocked;
    gone.wait();
  };
  for (int i = 0; i < Workers::kThreads; ++i) ASSERT_TRUE(server_->post_work(blocks));
  while (blocked < Workers::kThreads) std::this_thread::yield();
  size_t n = 0;
  while (server_->post_work(blocks)) ++n;
  EXPECT_EQ(n, Workers::kMostJobs);
  int status = 0;
  run([&]() -> Task<void> {
    try {
      co_await off_loop(*server_, scope_, [] {});
    } catch (const Refusal& refusal) {
      status = refusal.status();
    }
  });
  EXPECT_EQ(status, 503);
  go.set_value();
}

}  // namespace
}  // namespace transept::serve
