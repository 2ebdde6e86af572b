#include "serve/http.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <set>
#include <thread>

#include "base/log.h"
#include "serve/connection.h"
#include "serve/control.h"
#include "serve/errors.h"
#include "serve/workers.h"

namespace transept::serve {
namespace asio = boost::asio;
using asio::ip::tcp;
namespace {

constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 38\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
    "too many connections; try again later\n";
constexpr int kRetryAcceptMs = 100;

class Server : public HttpServer {
 public:
  explicit Server(const HttpOptions& options)
      : options_(options),
        control_(options, {[this] { stop(); }, [this] { post([this] { cancel_all(); }); },
                           [this] { post([this] { reload(); }); }}),
        budget_(options.max_bytes_in_flight),
        acceptor_(io_),
        drain_timer_(io_) {
    if (!options.certificate.empty() || !options.private_key.empty())
      tls_ = tls_context(options.certificate, options.private_key);
    listen();
    workers_ = std::make_unique<Workers>();  // last: what comes before may throw
    files_thread_ = std::thread([this] { files_.run(); });
  }

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override {
    control_.release();
    work_.reset();
    files_work_.reset();
    if (files_thread_.joinable()) files_thread_.join();
  }

  void post(std::function<void()> f) override { asio::post(io_, std::move(f)); }
  void post_file_work(std::function<void()> f) override { asio::post(files_, std::move(f)); }
  bool post_work(std::function<void()> f) override { return workers_->add(std::move(f)); }
  std::shared_ptr<void> after(int milliseconds, std::function<void()> f) override {
    auto timer = std::make_shared<asio::steady_timer>(io_);
    timer->expires_after(std::chrono::milliseconds(milliseconds));
    // A timer that expired may already be queued when its handle is dropped.
    timer->async_wait(
        [f = std::move(f), held = std::weak_ptr(timer)](const boost::system::error_code& error) {
          if (!error && !held.expired()) f();
        });
    return timer;
  }

  void run(Handler handler) override {
    handler_ = std::move(handler);
    control_.start();
    accept();
    io_.run();
    control_.release();
    files_work_.reset();
    files_thread_.join();
  }

  void on_reload(std::function<void()> f) override { on_reload_ = std::move(f); }
  void stop() override {
    post([this] { begin_drain(); });
  }
  [[nodiscard]] int port() const override { return acceptor_port_; }
  [[nodiscard]] bool is_draining() const override { return draining_; }
  [[nodiscard]] int n_connections() const override { return static_cast<int>(connections_.size()); }

  [[nodiscard]] std::size_t bytes_in_flight() const override { return budget_.used(); }

 private:
  void listen() {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options_.address, error);
    check(!error, ErrorCode::usage, "{}: not an IP address; 127.0.0.1, 0.0.0.0 and ::1 are",
          options_.address);
    const tcp::endpoint end(address, static_cast<unsigned short>(options_.port));
    acceptor_.open(end.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(end, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    check(!error, ErrorCode::io, "cannot listen on {} port {}: {}; choose another --port",
          options_.address, options_.port, error.message());
    acceptor_port_ = acceptor_.local_endpoint().port();
  }

  // What can be read again while requests are answered. What is wrong stays as it was.
  void reload() {
    log(LogLevel::info, "reading keys and certificates again");
    if (on_reload_) on_reload_();
    if (!tls_) return;
    post_file_work([this] {
      try {
        const auto fresh = std::make_shared<std::unique_ptr<asio::ssl::context>>(
            tls_context(options_.certificate, options_.private_key));
        post([this, fresh] { tls_ = std::move(*fresh); });  // connections keep what they began with
      } catch (const Error& error) {
        log(LogLevel::warning, std::string("the certificate stays as it was: ") + error.what());
      }
    });
  }

  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (draining_) return;
      if (error) {  // out of descriptors, most likely: some will be free again soon
        retry_ = after(kRetryAcceptMs, [this] { accept(); });
        return;
      }
      if (n_connections() >= options_.max_connections) {
        turn_away(std::move(socket));
      } else {
        welcome(std::move(socket));
      }
      accept();
    });
  }

  static void turn_away(tcp::socket socket) {
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kFull.data(), kFull.size()), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void welcome(tcp::socket socket) {
    auto wire = tls_ ? tls_wire(std::move(socket), *tls_) : plain_wire(std::move(socket));
    const auto connection =
        std::make_shared<Connection>(std::move(wire), options_, budget_, handler_);
    connections_.insert(connection);
    spawn(connection->run(), [this, connection](const std::exception_ptr&) {
      connection->close();
      connections_.erase(connection);
      if (draining_ && connections_.empty()) finish();
    });
  }

  // No new connections; idle ones close; requests are answered, for a while.
  void begin_drain() {
    if (draining_) return;
    draining_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    log(LogLevel::info, "stopping: waiting for the requests that run");
    const auto all = connections_;
    for (const auto& connection : all) connection->drain();
    if (connections_.empty()) return finish();
    drain_timer_.expires_after(std::chrono::milliseconds(options_.drain_ms));
    drain_timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) cancel_all();
    });
  }

  void cancel_all() {
    const auto all = connections_;
    for (const auto& connection : all) connection->cancel();
    close_ = after(2000, [this] {
      const auto rest = connections_;
      for (const auto& connection : rest) connection->close();
    });
  }

  void finish() {
    drain_timer_.cancel();
    close_.reset();
    retry_.reset();
    work_.reset();  // run() returns when the last handler has run
  }

  HttpOptions options_;
  Control control_;  // first: it watches over the end of all that follows
  Budget budget_;
  asio::io_context io_{1};
  asio::io_context files_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::executor_work_guard<asio::io_context::executor_type> files_work_{files_.get_executor()};
  std::thread files_thread_;
  std::unique_ptr<Workers> workers_;
  tcp::acceptor acceptor_;
  asio::steady_timer drain_timer_;
  std::unique_ptr<asio::ssl::context> tls_;
  Handler handler_;
  std::function<void()> on_reload_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::shared_ptr<void> retry_;
  std::shared_ptr<void> close_;
  int acceptor_port_ = 0;
  bool draining_ = false;
};

}  // namespace

std::unique_ptr<HttpServer> HttpServer::make(const HttpOptions& options) {
  return std::make_unique<Server>(options);
}

}  // namespace transept::serve
