#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>

#include "io/import/import_fixture.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

class ImportSeason : public Import {};

// Two columns over two years, rows out of order; the mean of the columns is 3 + cos + 0.5 sin of
// twice the year's angle, which two harmonics take away whole.
TEST_F(ImportSeason, TablesLoseTheirSeasonalMeanAndKeepIt) {
  constexpr int days = 731;  // 1963 and 1964, a leap year
  const auto season = [](int day) {
    const double part = day < 365 ? day / 365.0 : (day - 365) / 366.0;
    const double angle = 2 * std::numbers::pi * part;
    return 3 + std::cos(angle) + 0.5 * std::sin(2 * angle);
  };
  const auto date = [](int day) {
    constexpr std::array<int, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int year = day < 365 ? 1963 : 1964;
    int rest = day < 365 ? day : day - 365;
    for (int month = 0; month < 12; ++month) {
      const int length =
          lengths[static_cast<std::size_t>(month)] + (month == 1 && year == 1964 ? 1 : 0);
      if (rest < length) return fmt::format("{}-{:02}-{:02}", year, month + 1, rest + 1);
      rest -= length;
    }
    return std::string();
  };
  serially([&] {
    std::string text = "date,A,B\n";
    for (int row = 0; row < days; ++row) {
      const int day = (row * 7) % days;
      const double anomaly = 0.01 * (row % 5) + 0.25;
      const double a = season(day) + anomaly;
      const double b = season(day) - anomaly;
      text += fmt::format("{},{:.17g},{:.17g}\n", date(day), a * a, b * b);
    }
    auto options = options_of<io::TableOptions>(text);
    options.transform = io::Transform::sqrt;
    options.transpose = true;
    options.remove_seasonal_mean = true;
    options.time_path = "t";
    const auto summary = io::import_table(options);
    EXPECT_EQ(summary.shape, (core::Extents{2, days}));
    EXPECT_EQ(summary.datasets,
              (Strings{"/x", "/x_column_ids", "/x_row_ids", "/x_seasonal_mean", "/t"}));
    options.transpose = false;
    options.harmonics = 1;  // leaves the half-yearly wave
    options.target.location.dataset = "/one";
    options.separate = true;
    options.time_path = "";
    io::import_table(options);
  });
  const auto left = values("x");
  const auto removed = values("x_seasonal_mean");
  const auto days_since = values("t");
  const auto one = values("one/seasonal_mean");
  for (int row = 0; row < days; ++row) {
    const auto i = static_cast<std::size_t>(row);
    const int day = (row * 7) % days;
    const double anomaly = 0.01 * (row % 5) + 0.25;
    ASSERT_NEAR(removed[i], season(day), 1e-12) << row;
    ASSERT_NEAR(left[i], anomaly, 1e-12) << row;
    ASSERT_NEAR(left[days + i], -anomaly, 1e-12) << row;
    ASSERT_EQ(days_since[i], day) << row;
    ASSERT_NEAR(
        one[i],
        3 + std::cos(2 * std::numbers::pi * (day < 365 ? day / 365.0 : (day - 365) / 366.0)), 0.01)
        << row;
  }
}

TEST_F(ImportSeason, IsRefusedWhatIsNoDateOrNoYear) {
  serially([&] {
    const auto refuse = [&](ErrorKind kind, const std::string& text, const std::string& part) {
      auto options = options_of<io::TableOptions>(text);
      options.remove_seasonal_mean = true;
      expect_error(kind, part, [&] { io::import_table(options); });
    };
    refuse(ErrorKind::data, "d,a\n1961-01-01,1\n1961-02-29,2\n",
           "input.txt:3: '1961-02-29' in column 'd' is no date");
    refuse(ErrorKind::data, "d,a\n1961-01-01,1\n61-01-02,2\n", "expected the form 1961-01-31");
    refuse(ErrorKind::data, "d,a\n1961-01-01,1\n1961-12-30,2\n", "the dates cover 364 days");
    refuse(ErrorKind::data, "d,a\n1961-01-01,1\n1962-01-01,2\n1963-01-01,4\n",
           "too few days of the year for 2 annual harmonics");
    refuse(ErrorKind::configuration, "a,b\n1,2\n2,3\n", "there is no id column");
  });
}

}  // namespace
}  // namespace kronwerk
