// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/query_redaction.h"

#include <gtest/gtest.h>

namespace tacit::semantics {
namespace {

TEST(QueryRedaction, OrdinaryPairsStayByteForByte) {
  EXPECT_EQ(redact_query(""), "");
  EXPECT_EQ(redact_query("q=a%20b&page=2&flag&&x="), "q=a%20b&page=2&flag&&x=");
}

TEST(QueryRedaction, SecretsOfTheConventions) {
  EXPECT_EQ(redact_query("AWSAccessKeyId=1&Signature=2&sig=3&X-Goog-Signature=4"),
            "AWSAccessKeyId=REDACTED&Signature=REDACTED&sig=REDACTED&X-Goog-Signature=REDACTED");
  EXPECT_EQ(redact_query("X-Amz-Signature=1&X-Amz-Credential=2&X-Amz-Security-Token=3&X-Amz-D=4"),
            "X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED"
            "&X-Amz-D=4");
}

TEST(QueryRedaction, EverydaySecrets) {
  for (const char* key : {"token", "access_token", "id_token", "refresh_token", "password",
                          "passwd", "pwd", "secret", "client_secret", "api_key", "apikey", "key",
                          "code", "session", "sessionid", "auth", "authorization", "jwt",
                          "signature"}) {
    EXPECT_EQ(redact_query(std::string("a=1&") + key + "=s3cret"),
              std::string("a=1&") + key + "=REDACTED");
  }
}

TEST(QueryRedaction, NoDisguiseHelps) {
  EXPECT_EQ(redact_query("TOKEN=x"), "TOKEN=REDACTED");
  EXPECT_EQ(redact_query("%74oken=x"), "%74oken=REDACTED");
  EXPECT_EQ(redact_query("t%6Fk%65N=x"), "t%6Fk%65N=REDACTED");
  EXPECT_EQ(redact_query("user[password]=x"), "user[password]=REDACTED");
  EXPECT_EQ(redact_query("user%5Bpassword%5D=x"), "user%5Bpassword%5D=REDACTED");
  EXPECT_EQ(redact_query("a=1;token=x;b=2"), "a=1;token=REDACTED;b=2");
  EXPECT_EQ(redact_query("token=a=b=c"), "token=REDACTED");
  EXPECT_EQ(redact_query("+token=x"), "+token=REDACTED");
}

TEST(QueryRedaction, SimilarWordsAreNoSecrets) {
  EXPECT_EQ(redact_query("tokens=3&keyword=x&author=y&encode=z"),
            "tokens=3&keyword=x&author=y&encode=z");
}

TEST(QueryRedaction, BrokenEscapesAreText) {
  EXPECT_EQ(redact_query("%zz=1&%=2&%7=3"), "%zz=1&%=2&%7=3");
}

}  // namespace
}  // namespace tacit::semantics
