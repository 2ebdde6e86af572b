#include "serve/connection.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <iterator>

#include "serve/errors.h"

namespace transept::serve {
namespace {

constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kInboxBytes = 64 << 10;  // a client that sends more waits
constexpr int kLingerMs = 1000;

std::string head_text(const Response& response, bool close, std::string_view length) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  if (!response.content_type.empty() && response.status != 204)
    text += "Content-Type: " + response.content_type + "\r\n";
  for (const auto& [name, value] : response.headers)
    fmt::format_to(std::back_inserter(text), "{}: {}\r\n", name, value);
  text += length;
  if (close) text += "Connection: close\r\n";
  return text + "\r\n";
}

[[noreturn]] void refuse_bytes() {
  throw Refusal(503, "the bodies and answers of all requests take too much; try again later", 1);
}

}  // namespace

class Connection::Answer : public Exchange {
 public:
  Answer(Connection& connection, RequestReader& reader)
      : connection_(connection),
        reader_(reader),
        share_(connection.budget_),
        closes_(!reader.keeps_alive()),
        chunked_(!reader.is_http_1_0()) {
    request = reader.take_header();
  }

  [[nodiscard]] bool has_begun() const override { return begun_; }
  [[nodiscard]] int status() const override { return status_; }
  // Where a body was not read to its end the next request would begin within it.
  [[nodiscard]] bool closes() const {
    return closes_ || connection_.draining_ || !reader_.is_done();
  }
  [[nodiscard]] bool is_complete() const { return complete_; }

  Task<void> read_body(std::size_t most) override {
    reader_.limit_body(std::min(most, connection_.budget_.most()));
    co_await connection_.read_body(reader_, scope, share_);
    request.body = reader_.take_body();
  }

  void hold(std::size_t bytes) override {
    if (share_.held() + bytes > connection_.budget_.most())
      throw Refusal(413, "the request and its answer take more than this server allows for all");
    if (!share_.hold(bytes)) refuse_bytes();
  }

  Task<void> send(Response response) override {
    begun_ = true;
    status_ = response.status;
    add_common(response);
    const std::string length = response.status == 204
                                   ? std::string()
                                   : fmt::format("Content-Length: {}\r\n", response.body.size());
    std::string head = head_text(response, closes(), length);
    if (request.method == "HEAD") response.body.clear();
    if (response.body.size() <= kReadBytes) head += std::exchange(response.body, {});
    co_await connection_.write_all(head);
    co_await connection_.write_all(response.body);
    complete_ = true;
  }

  Task<void> begin(Response head) override {
    begun_ = true;
    status_ = head.status;
    add_common(head);
    if (!chunked_) closes_ = true;
    const std::string text =
        head_text(head, closes(), chunked_ ? "Transfer-Encoding: chunked\r\n" : "");
    co_await connection_.write_all(text);
  }

  Task<void> write(std::string chunk) override {
    if (chunk.empty() || request.method == "HEAD") co_return;
    const bool is_small = chunk.size() <= kReadBytes;  // not copied otherwise
    std::string size = chunked_ ? fmt::format("{:x}\r\n", chunk.size()) : std::string();
    if (is_small) size += std::exchange(chunk, {}) + (chunked_ ? "\r\n" : "");
    co_await connection_.write_all(size);
    if (is_small) co_return;
    co_await connection_.write_all(chunk);
    if (chunked_) co_await connection_.write_all("\r\n");
  }

  // A stream that began and whose handler is done.
  Task<void> finish() {
    if (complete_ || !begun_ || scope.ended() == Ended::client_gone) co_return;
    if (chunked_ && request.method != "HEAD") co_await connection_.write_all("0\r\n\r\n");
    complete_ = true;
  }

 private:
  void add_common(Response& response) const {
    response.headers.insert(response.headers.end(), common_headers.begin(), common_headers.end());
  }

  Connection& connection_;
  RequestReader& reader_;
  Budget::Share share_;
  bool closes_;
  int status_ = 0;
  bool chunked_;
  bool begun_ = false;
  bool complete_ = false;
};

Connection::Connection(std::unique_ptr<Wire> wire, const HttpOptions& options, Budget& budget,
                       const HttpServer::Handler& handler)
    : wire_(std::move(wire)),
      options_(options),
      budget_(budget),
      handler_(handler),
      timer_(wire_->socket().get_executor()) {
  boost::system::error_code ignored;
  const auto end = wire_->socket().remote_endpoint(ignored);
  if (!ignored) remote_ = end.address().to_string();
  wire_->socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
}

void Connection::arm(int milliseconds) {
  timer_.expires_after(std::chrono::milliseconds(milliseconds));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && self->timer_.expiry() <= std::chrono::steady_clock::now())
      self->on_timer();
  });
}

void Connection::on_timer() {
  if (phase_ == Phase::answering) return;
  timed_out_ = true;
  if (phase_ == Phase::writing) return close();
  more_.notify();
}

void Connection::close() {
  boost::system::error_code ignored;
  wire_->socket().close(ignored);
}

void Connection::drain() {
  draining_ = true;
  more_.notify();
}

void Connection::cancel() {
  if (answering_ != nullptr) answering_->scope.cancel(Ended::stopping);
}

void Connection::gone() {
  at_end_ = true;
  more_.notify();
  if (answering_ != nullptr) answering_->scope.cancel(Ended::client_gone);
}

// Reads until the client closes. While an answer is being made this is how its leaving is noticed.
Task<void> Connection::pump() {
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    while (inbox_.size() >= kInboxBytes) {
      room_.reset();
      co_await room_.wait();
    }
    const Wire::Result read = co_await wire_->read_some(buffer.data(), buffer.size());
    if (read.error || read.size == 0) break;
    inbox_.append(buffer, 0, read.size);
    more_.notify();
  }
  gone();
}

Task<void> Connection::run() {
  const auto self = shared_from_this();
  phase_ = Phase::writing;  // a handshake that takes too long is cut off
  arm(options_.header_timeout_ms);
  const Wire::Result hello = co_await wire_->handshake();
  if (hello.error) co_return close();
  spawn(pump(), [self](const std::exception_ptr&) {});
  bool more = true;
  while (more) more = co_await serve_one();
  timer_.cancel();
  close();
  inbox_.clear();
  room_.notify();
}

Task<bool> Connection::serve_one() {
  RequestReader reader(options_);
  bool complete = false;
  std::unique_ptr<Refusal> refusal;
  try {
    complete = co_await read_header(reader);
  } catch (const Refusal& caught) {
    refusal = std::make_unique<Refusal>(caught);
  }
  if (refusal != nullptr) co_await refuse(refusal->status(), refusal->what());
  if (!complete) co_return false;
  const bool goes_on = co_await exchange(reader);
  if (goes_on || at_end_ || !answered_) co_return goes_on;
  co_await linger();  // what the request held is given back by now
  co_return false;
}

// From the header to the end of the answer. False if no other request follows.
Task<bool> Connection::exchange(RequestReader& reader) {
  answered_ = false;
  Answer answer(*this, reader);
  answer.request.remote = remote_;
  phase_ = Phase::answering;
  timer_.cancel();
  answering_ = &answer;
  if (at_end_) answer.scope.cancel(Ended::client_gone);
  co_await handler_(answer);
  bool failed = false;
  try {
    co_await answer.finish();
  } catch (const Error&) {
    failed = true;
  }
  answering_ = nullptr;
  phase_ = Phase::idle;
  answered_ = !failed && answer.is_complete();
  co_return answered_ && !at_end_ && !answer.closes();
}

// Up to the end of the header. False if the client or the server is done.
Task<bool> Connection::read_header(RequestReader& reader) {
  phase_ = Phase::idle;
  arm(options_.idle_timeout_ms);
  for (;;) {
    if (!inbox_.empty()) {
      if (phase_ == Phase::idle) {
        phase_ = Phase::header;
        arm(options_.header_timeout_ms);
      }
      take(reader);
      if (reader.has_header()) co_return true;
    }
    if (phase_ == Phase::idle && draining_) co_return false;
    if (timed_out_ && phase_ == Phase::idle) co_return false;
    if (timed_out_) throw Refusal(408, "the request took too long to arrive");
    if (at_end_) co_return false;
    more_.reset();
    co_await more_.wait();
  }
}

// Up to the end of the body. What arrived counts, not what was announced: who announces much and
// sends nothing takes nothing from the others.
Task<void> Connection::read_body(RequestReader& reader, Scope& scope, Budget::Share& share) {
  if (reader.is_done()) co_return;
  if (reader.expects_continue() && inbox_.empty())
    co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
  phase_ = Phase::body;
  arm(options_.body_timeout_ms);
  std::size_t held = 0;
  for (;;) {
    if (!inbox_.empty()) take(reader);
    if (!share.hold(reader.body_size() - held)) refuse_bytes();
    held = reader.body_size();
    if (reader.is_done()) break;
    if (timed_out_) throw Refusal(408, "the request took too long to arrive");
    more_.reset();
    co_await scope.wait(more_);
  }
  phase_ = Phase::answering;
  timer_.cancel();
}

void Connection::take(RequestReader& reader) {
  inbox_.erase(0, reader.feed(inbox_));
  room_.notify();
}

Task<void> Connection::refuse(int status, std::string message) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = message + "\n";
  const std::string bytes =
      head_text(response, true, fmt::format("Content-Length: {}\r\n", response.body.size())) +
      response.body;
  bool failed = false;
  try {
    co_await write_all(bytes);
  } catch (const Error&) {
    failed = true;
  }
  if (!failed) co_await linger();
}

// Each piece that the client takes gives it more time; one that takes nothing is cut off.
Task<void> Connection::write_all(std::string_view rest) {
  while (!rest.empty()) {
    if (at_end_) throw Refusal(499, "the client has gone");
    phase_ = Phase::writing;
    arm(options_.write_timeout_ms);
    const Wire::Result written = co_await wire_->write(rest.substr(0, 256 << 10));
    phase_ = Phase::answering;
    timer_.cancel();
    if (written.error) {
      gone();
      throw Refusal(499, "the client has gone");
    }
    rest.remove_prefix(written.size);
  }
}

// Lets the client read the answer before the socket closes, though it may still be sending.
Task<void> Connection::linger() {
  boost::system::error_code ignored;
  wire_->socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  timed_out_ = false;
  phase_ = Phase::idle;
  arm(kLingerMs);
  while (!at_end_ && !timed_out_) {
    inbox_.clear();
    room_.notify();
    more_.reset();
    co_await more_.wait();
  }
}

}  // namespace transept::serve
