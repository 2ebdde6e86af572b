// Wire: one connection's bytes, plain or through TLS, as awaitable reads and writes.
#pragma once

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "serve/task.h"

namespace transept::serve {

class Wire {
 public:
  using Done = std::function<void(boost::system::error_code, std::size_t)>;
  virtual ~Wire() = default;

  struct Result {
    boost::system::error_code error;
    std::size_t size = 0;
  };
  struct Operation {
    enum class Kind { handshake, read, write };
    Wire& wire;
    Kind kind;
    char* data;
    std::size_t size;
    Result result = {};
    [[nodiscard]] bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle);
    [[nodiscard]] Result await_resume() const { return result; }
  };
  [[nodiscard]] Operation handshake() {
    return {*this, Operation::Kind::handshake, nullptr, 0, {}};
  }
  [[nodiscard]] Operation read_some(char* data, std::size_t size) {
    return {*this, Operation::Kind::read, data, size, {}};
  }
  [[nodiscard]] Operation write(std::string_view bytes) {
    return {*this, Operation::Kind::write, const_cast<char*>(bytes.data()), bytes.size(), {}};
  }
  virtual boost::asio::ip::tcp::socket& socket() = 0;

 protected:
  virtual void start(Operation& operation, Done done) = 0;
};

[[nodiscard]] std::unique_ptr<Wire> plain_wire(boost::asio::ip::tcp::socket socket);
[[nodiscard]] std::unique_ptr<Wire> tls_wire(boost::asio::ip::tcp::socket socket,
                                             boost::asio::ssl::context& context);
// Error not_found or bad_data for files that are no certificate or key.
[[nodiscard]] std::unique_ptr<boost::asio::ssl::context> tls_context(
    const std::string& certificate, const std::string& private_key);

}  // namespace transept::serve
