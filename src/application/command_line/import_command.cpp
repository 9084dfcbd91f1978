#include "application/command_line/import_command.hpp"

#include <fmt/format.h>

#include <memory>

#include "application/session/signals.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {

io::Location parse_target(const std::string& name, const std::string& text) {
  const std::size_t colon = text.rfind(":/");
  if (colon == std::string::npos || colon == 0 || colon + 2 == text.size()) {
    throw core::ConfigurationError(
        fmt::format("{} {}: expected FILE.h5:/path, such as data.h5:/W", name, text));
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

namespace {

char parse_separator(const std::string& text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() <= 1) return text.empty() ? '\0' : text.front();
  throw core::ConfigurationError(
      fmt::format("--separator {}: expected one character, such as ';', or tab", text));
}

/// Names of transforms are turned into values after parsing, so that errors are ours.
struct Texts {
  std::string target;
  std::string transform = "none";
  std::string missing = "refused";
  std::string separator;
  std::string data;
};

template <typename Options>
class KindCommand {
 public:
  KindCommand(CLI::App& parent, CommandLine& line, const std::string& name, const std::string& what,
              io::ImportSummary (*importer)(const Options&))
      : app_(parent.add_subcommand(name, what)) {
    if constexpr (requires { options_->file; }) {
      app_->add_option("input", options_->file, "the text file")->required();
    } else {
      app_->add_option("input", texts_->data, "FILE.h5:/path of the data")->required();
    }
    if constexpr (requires { options_->header; }) {
      add_header("--header", "--no-header", "the first line", options_->header);
      app_->add_option("--separator", texts_->separator,
                       "between the fields: one character, or tab; default: a comma, or tabs, "
                       "semicolons or bars where the first line has them and no comma");
      app_->add_flag("--decimal-comma", options_->format.decimal_comma, "numbers such as 3,14");
      app_->add_option(
              "--missing-codes", options_->format.missing_codes,
              "texts of missing cells, beside NA and NaN, such as -999; separated by commas")
          ->delimiter(',')
          ->allow_extra_args(false);
    }
    app_->add_option("--to", texts_->target, "FILE.h5:/path to write to")->required();
    app_->add_flag("--overwrite", options_->target.overwrite, "replace what has the same path");
    app_->final_callback([&line, importer, options = options_, texts = texts_] {
      line.command = Command::import;
      options->target.location = parse_target("--to", texts->target);
      if constexpr (requires { options->data; }) {
        options->data = parse_target("input", texts->data);
      }
      options->target.stop = termination_requested;
      if constexpr (requires { options->format; }) {
        options->format.separator = parse_separator(texts->separator);
      }
      if constexpr (requires { options->missing; }) {
        options->missing = io::parse_missing_cells(texts->missing);
      }
      if constexpr (requires { options->transform; }) {
        options->transform = io::parse_transform(texts->transform);
      }
      line.import = [importer, options] { return importer(*options); };
    });
  }

  KindCommand& weights() {
    app_->add_flag("--row-normalise", options_->weights.row_normalise,
                   "divide each row by its sum; rows of zeros stay");
    app_->add_flag("--symmetrise", options_->weights.symmetrise,
                   "take (W + W')/2, before the rows are normalised");
    return *this;
  }
  KindCommand& order(const std::string& what) {
    app_->add_option("--order-by", options_->order.file,
                     "file of ids, or FILE.h5:/path of ids, that fixes the order of " + what);
    app_->add_option("--order-column", options_->order.column, "its column, if it is a CSV");
    add_header("--order-header", "--order-no-header", "the first line of that file",
               options_->order.header);
    return *this;
  }
  KindCommand& transform() {
    app_->add_option("--transform", texts_->transform, "none, log, log1p, sqrt, square or exp");
    return *this;
  }
  KindCommand& missing() {
    app_->add_option(
        "--missing", texts_->missing,
        "cells that are empty, NA, NaN or a missing code: refused, or nan (not observed)");
    return *this;
  }
  KindCommand& names(const std::string& name, std::vector<std::string> Options::*member,
                     const std::string& what) {
    app_->add_option(name, *options_.*member, what)->delimiter(',')->allow_extra_args(false);
    return *this;
  }
  KindCommand& text(const std::string& name, std::string Options::*member,
                    const std::string& what) {
    app_->add_option(name, *options_.*member, what);
    return *this;
  }
  KindCommand& flag(const std::string& name, bool Options::*member, const std::string& what) {
    app_->add_flag(name, *options_.*member, what);
    return *this;
  }
  CLI::App& app() { return *app_; }
  Options& options() { return *options_; }
  std::shared_ptr<Options> shared() { return options_; }

 private:
  void add_header(const char* present, const char* absent, const std::string& line,
                  io::Header& header) {
    auto* yes = app_->add_flag_callback(
        present, [&header, keep = options_] { header = io::Header::present; },
        line + " names the columns");
    auto* no = app_->add_flag_callback(
        absent, [&header, keep = options_] { header = io::Header::absent; },
        line + " is the first row; columns are called 1, 2, ...");
    no->excludes(yes);
  }

  CLI::App* app_;
  std::shared_ptr<Options> options_ = std::make_shared<Options>();
  std::shared_ptr<Texts> texts_ = std::make_shared<Texts>();
};

void add_edges(CLI::App& parent, CommandLine& line) {
  KindCommand<io::EdgesOptions> edges(
      parent, line, "edges", "CSV origin,destination,value to a square matrix", io::import_edges);
  using Options = io::EdgesOptions;
  edges.order("the rows and columns").transform().missing().weights();
  edges.text("--origin-column", &Options::origin_column, "default: the first")
      .text("--destination-column", &Options::destination_column, "default: the second")
      .text("--value-column", &Options::value_column, "default: the third of three")
      .flag("--sum", &Options::sum, "add the values of a pair that is given several times")
      .flag("--sparse", &Options::sparse, "a sparse weight matrix instead of a dense dataset");
  edges.names("--value-columns", &Options::value_columns,
              "several, separated by commas: each a dataset below the path");
  edges.app().add_option("--fill", edges.options().fill,
                         "value of pairs that are not in the file, such as nan; default: 0");
  edges.app().add_option("order", edges.options().order.file, "the same as --order-by");
}

void add_table(CLI::App& parent, CommandLine& line) {
  KindCommand<io::TableOptions> table(parent, line, "table",
                                      "numeric columns of a CSV to a dataset", io::import_table);
  using Options = io::TableOptions;
  table.order("the rows or columns").transform().missing();
  table.text("--id-column", &Options::id_column, "default: the first text column; none: no ids")
      .flag("--transpose", &Options::transpose, "columns x rows")
      .flag("--separate", &Options::separate, "one dataset per column")
      .flag("--remove-seasonal-mean", &Options::remove_seasonal_mean,
            "take the mean over the columns, as annual harmonics, from each day; ids are dates")
      .text("--time", &Options::time_path,
            "also write the rows' ids (or the columns'), dates such as 1961-01-31 or 1961-01-31 "
            "06:00, "
            "as days since the first to this path");
  table.app()
      .add_option("--harmonics", table.options().harmonics, "of the seasonal mean")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  table.names("--columns", &Options::columns, "names, separated by commas; default: all")
      .text("--row-ids", &Options::row_ids,
            "of a file with a row for each cell of a grid: the column of the rows' ids")
      .text("--column-ids", &Options::column_ids, "and the column of the columns' ids")
      .names("--values", &Options::values,
             "and that of the values, or several: each a dataset below the path")
      .flag("--sum", &Options::sum, "add the values of a cell that has several rows");
  table.app().add_option("--fill", table.options().fill,
                         "value of cells without a row, such as nan or 0; default: refused");
}

void add_knn(CLI::App& parent, CommandLine& line) {
  KindCommand<io::KnnOptions> knn(
      parent, line, "knn", "CSV of points to the matrix of nearest neighbours", io::import_knn);
  using Options = io::KnnOptions;
  knn.order("the points").weights();
  knn.text("--x-column", &Options::x_column, "default: longitude, or x with --planar")
      .text("--y-column", &Options::y_column, "default: latitude, or y with --planar")
      .text("--id-column", &Options::id_column, "default: the first other column; none: no ids");
  knn.app().add_option("--k", knn.options().k, "number of neighbours")->capture_default_str();
  knn.app().add_flag_callback(
      "--planar", [options = knn.shared()] { options->metric = io::Metric::planar; },
      "planar coordinates instead of degrees on the sphere");
}

void add_points(CLI::App& parent, CommandLine& line) {
  KindCommand<io::PointsOptions> points(parent, line, "points",
                                        "CSV of points to their number in each cell of a grid",
                                        io::import_points);
  using Options = io::PointsOptions;
  points.flag("--drop-outside", &Options::drop_outside, "leave out points outside of the grid")
      .flag("--area", &Options::area,
            "also the cells' areas in km², of latitudes and longitudes in degrees");
  const auto list = [&points](const std::string& name, auto Options::*member,
                              const std::string& what) {
    return points.app()
        .add_option(name, points.options().*member, what)
        ->delimiter(',')
        ->allow_extra_args(false);
  };
  list("--columns", &Options::columns, "one for each mode; default: latitude,longitude");
  list("--cell", &Options::cell, "size of the cells, one for all columns or one each")->required();
  list("--lower", &Options::lower, "lower ends of the grid; default: around the points");
  list("--upper", &Options::upper, "its upper ends");
}

}  // namespace

void add_import_command(CLI::App& program, CommandLine& line) {
  CLI::App& import = *program.add_subcommand("import", "turn text files into HDF5 datasets");
  import.require_subcommand(1);
  add_edges(import, line);
  add_table(import, line);
  add_knn(import, line);
  add_points(import, line);
  KindCommand<io::GalOptions> gal(import, line, "gal", "GAL contiguity file to a weight matrix",
                                  io::import_gal);
  gal.order("the rows").weights();
  KindCommand<io::MatrixMarketOptions> mtx(import, line, "mtx", "Matrix Market file to a matrix",
                                           io::import_matrix_market);
  mtx.weights();
  KindCommand<io::NpyOptions> npy(import, line, "npy", "NumPy's .npy and .npz files to datasets",
                                  io::import_npy);
  npy.names(
      "--arrays", &io::NpyOptions::arrays,
      "names in a .npz file, separated by commas; default: all, each a dataset below the path");
  KindCommand<io::ReorderOptions> reorder(
      import, line, "reorder", "data of an HDF5 file with ids, in the order of other ids",
      io::import_reorder);
  reorder.order("every dimension with these ids");
}

}  // namespace kronwerk::application
