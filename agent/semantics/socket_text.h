// SPDX-License-Identifier: Apache-2.0
// Socket addresses as text, without a look-up.
#pragma once
#include <string>

#include "agent/connection/connection.h"

namespace tacit::semantics {

// Appends the address: dotted IPv4, RFC 5952 IPv6, and IPv4 where IPv6 maps it (::ffff:a.b.c.d).
// Nothing for other families. No allocation where `out` has room for 45 bytes.
void append_address(connection::Family family, const connection::Address& address,
                    std::string& out);

std::string address_text(connection::Family family, const connection::Address& address);

// "127.0.0.1:5001", "[::1]:5001", the path of a unix socket: for messages.
std::string remote_text(const connection::Endpoints& endpoints);

}  // namespace tacit::semantics
