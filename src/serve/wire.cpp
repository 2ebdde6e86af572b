#include "serve/wire.h"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace transept::serve {
namespace asio = boost::asio;
namespace {

class PlainWire : public Wire {
 public:
  explicit PlainWire(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}
  asio::ip::tcp::socket& socket() override { return socket_; }

 private:
  void start(Operation& operation, Done done) override {
    switch (operation.kind) {
      case Operation::Kind::handshake:
        asio::post(socket_.get_executor(), [done = std::move(done)] { done({}, 0); });
        break;
      case Operation::Kind::read:
        socket_.async_read_some(asio::buffer(operation.data, operation.size), std::move(done));
        break;
      case Operation::Kind::write:
        socket_.async_write_some(asio::buffer(operation.data, operation.size), std::move(done));
        break;
    }
  }
  asio::ip::tcp::socket socket_;
};

class TlsWire : public Wire {
 public:
  TlsWire(asio::ip::tcp::socket socket, asio::ssl::context& context)
      : stream_(std::move(socket), context) {}
  asio::ip::tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  void start(Operation& operation, Done done) override {
    switch (operation.kind) {
      case Operation::Kind::handshake:
        stream_.async_handshake(asio::ssl::stream_base::server,
                                [done = std::move(done)](auto error) { done(error, 0); });
        break;
      case Operation::Kind::read:
        stream_.async_read_some(asio::buffer(operation.data, operation.size), std::move(done));
        break;
      case Operation::Kind::write:
        stream_.async_write_some(asio::buffer(operation.data, operation.size), std::move(done));
        break;
    }
  }
  asio::ssl::stream<asio::ip::tcp::socket> stream_;
};

}  // namespace

void Wire::Operation::await_suspend(std::coroutine_handle<> handle) {
  wire.start(*this, [this, handle](boost::system::error_code error, std::size_t n) {
    result = {error, n};
    handle.resume();
  });
}

std::unique_ptr<Wire> plain_wire(asio::ip::tcp::socket socket) {
  return std::make_unique<PlainWire>(std::move(socket));
}

std::unique_ptr<Wire> tls_wire(asio::ip::tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsWire>(std::move(socket), context);
}

std::unique_ptr<asio::ssl::context> tls_context(const std::string& certificate,
                                                const std::string& private_key) {
  for (const std::string& file : {certificate, private_key}) {
    check(file_exists(file), ErrorCode::not_found, "{}: no such file; TLS needs it", file);
    (void)InputFile(file);  // refuses pipes and the like, which OpenSSL would wait for
  }
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                       asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                       asio::ssl::context::no_tlsv1_1);
  boost::system::error_code error;
  context->use_certificate_chain_file(certificate, error);
  check(!error, ErrorCode::bad_data, "{}: not a certificate chain in PEM: {}", certificate,
        error.message());
  context->use_private_key_file(private_key, asio::ssl::context::pem, error);
  check(!error, ErrorCode::bad_data, "{}: not the certificate's private key in PEM: {}",
        private_key, error.message());
  return context;
}

}  // namespace transept::serve
