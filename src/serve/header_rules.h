// What RFC 9112 demands of a request's header and a lenient parser lets through: two readings of
// one message are how requests are smuggled.
#pragma once

#include <string_view>

#include "serve/http.h"

namespace transept::serve {

// A piece of a header as it arrives; `before` is the byte before it, 0 at the beginning. Refusal
// 400 for a CR or LF on its own, NUL and other control characters.
void check_header_bytes(char before, std::string_view piece);

// A whole header, "GET / HTTP/1.1\r\nHost: …\r\n\r\n". Refusal 400 where it breaks the grammar, 505
// for a version that is not 1.0 or 1.1.
void check_header_lines(std::string_view header);

// Framing, Host and target of the parsed header; fills in content_length and is_chunked. An
// absolute target ("http://host/path") becomes its path, and its host the Host. Refusal 400, 417,
// 501.
void check_framing(HttpRequest& request, std::string& target, bool is_http_1_0);

// "localhost:8080" -> "localhost", "[::1]:80" -> "[::1]", in lower case. Empty for what is no host.
[[nodiscard]] std::string host_name(std::string_view host);

}  // namespace transept::serve
