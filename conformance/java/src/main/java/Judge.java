import java.io.File;
import java.io.InputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.logging.LogManager;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.XMLConstants;
import javax.xml.transform.Templates;
import javax.xml.transform.stream.StreamResult;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import org.apache.pdfbox.Loader;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.mustangproject.validator.ZUGFeRDValidator;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/**
 * One foreign judge over every file of a folder: {@code Judge
 * verapdf-3a|verapdf-ua1|schema|en16931|mustang FOLDER [ONE_IN]}. Judges of the twin take XML files too. Prints the first faults and how many files passed; the
 * exit status is 0 only where all did, and there was one.
 */
public final class Judge {
  private static final int SHOWN_MAX = 20;
  private static final int FAULTS_OF_A_FILE_MAX = 8;
  private static final String TWIN = "factur-x.xml";
  private static final String SCHEMA = "/schema/ZF_232/EN16931/FACTUR-X_EN16931.xsd";
  private static final String RULES = "/xslt/en16931schematron/EN16931-CII-validation.xslt";
  /** Each failed assertion of a Schematron report, with its rule and its words. */
  private static final Pattern FAILED =
      Pattern.compile("<svrl:failed-assert[^>]*?\\bid=\"([^\"]*)\".*?<svrl:text>(.*?)</svrl:text>", Pattern.DOTALL);
  private static final Pattern MUSTANG_ERROR = Pattern.compile("<error[^>]*>(.*?)</error>", Pattern.DOTALL);

  private interface Faults {
    /** {@code place} is the file's among all, by name. */
    List<String> of(Path file, int place) throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 2 && arguments.length != 3) {
      System.err.println("usage: Judge verapdf-3a|verapdf-ua1|schema|en16931|mustang FOLDER [ONE_IN]");
      System.exit(2);
    }
    LogManager.getLogManager().reset();
    Faults judge = judge(arguments[0], arguments.length == 3 ? Integer.parseInt(arguments[2]) : 1);
    boolean ofPages = arguments[0].startsWith("verapdf");
    List<Path> files;
    try (Stream<Path> all = Files.walk(Path.of(arguments[1]))) {
      files = all.filter(file -> file.toString().endsWith(".pdf") || !ofPages && file.toString().endsWith(".xml"))
          .sorted().toList();
    }
    ExecutorService threads = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
    Map<Path, Future<List<String>>> answers = new TreeMap<>();
    for (int place = 0; place < files.size(); place++) {
      Path file = files.get(place);
      int ofAll = place;
      Callable<List<String>> asked = () -> faults(judge, file, ofAll);
      answers.put(file, threads.submit(asked));
    }
    threads.shutdown();
    int bad = 0;
    for (Map.Entry<Path, Future<List<String>>> answer : answers.entrySet()) {
      List<String> faults = answer.getValue().get();
      if (!faults.isEmpty() && bad++ < SHOWN_MAX) {
        System.out.println(answer.getKey() + ":");
        faults.stream().limit(FAULTS_OF_A_FILE_MAX).forEach(fault -> System.out.println("  " + fault));
      }
    }
    System.out.println((files.size() - bad) + " of " + files.size() + " accepted");
    System.exit(bad > 0 || files.isEmpty() ? 1 : 0);
  }

  /** Whatever a judge stumbles over is the file's fault. */
  private static List<String> faults(Faults judge, Path file, int place) {
    try {
      return judge.of(file, place);
    } catch (Exception stumbled) {
      return List.of(stumbled.toString());
    }
  }

  private static Faults judge(String name, int oneIn) throws Exception {
    switch (name) {
      case "verapdf-3a":
        return veraPdf(PDFAFlavour.PDFA_3_A);
      case "verapdf-ua1":
        return veraPdf(PDFAFlavour.PDFUA_1);
      case "schema":
        return schema();
      case "en16931":
        return rules();
      case "mustang":
        return mustang(oneIn);
      default:
        throw new IllegalArgumentException("no judge is called " + name);
    }
  }

  private static Faults veraPdf(PDFAFlavour flavour) {
    VeraGreenfieldFoundryProvider.initialise();
    return (file, place) -> {
      try (PDFAParser parser = Foundries.defaultInstance().createParser(file.toFile(), flavour);
          PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false)) {
        ValidationResult result = validator.validate(parser);
        List<String> faults = new ArrayList<>();
        for (TestAssertion assertion : result.getTestAssertions()) {
          faults.add(assertion.getRuleId().getClause() + " test " + assertion.getRuleId().getTestNumber() + ": "
              + assertion.getMessage() + " [" + assertion.getLocation().getContext() + "]");
        }
        if (!result.isCompliant() && faults.isEmpty()) {
          faults.add("not compliant");
        }
        return faults;
      }
    };
  }

  /** The XML schema of Factur-X, profile EN 16931. */
  private static Faults schema() throws Exception {
    Schema schema = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI)
        .newSchema(Judge.class.getResource(SCHEMA));
    return (file, place) -> {
      schema.newValidator().validate(new StreamSource(new StringReader(twin(file))));
      return List.of();
    };
  }

  /** CEN's own rules of EN 16931 for CII. Warnings count: a bill of ours has no reason for any. */
  private static Faults rules() throws Exception {
    Templates rules;
    try (InputStream sheet = Judge.class.getResourceAsStream(RULES)) {
      rules = new net.sf.saxon.TransformerFactoryImpl().newTemplates(new StreamSource(sheet));
    }
    return (file, place) -> {
      StringWriter report = new StringWriter();
      rules.newTransformer().transform(new StreamSource(new StringReader(twin(file))), new StreamResult(report));
      if (!report.toString().contains("<svrl:fired-rule")) {
        return List.of("no rule applied: this is not an invoice in CII");
      }
      List<String> faults = new ArrayList<>();
      for (Matcher failed = FAILED.matcher(report.toString()); failed.find();) {
        faults.add(failed.group(1) + ": " + failed.group(2).strip());
      }
      return faults;
    };
  }

  /**
   * Mustang takes about a second for a PDF and half of that for a twin, so of the files by name it sees one
   * whole in {@code oneIn}, and of the rest each twin that no other file has.
   */
  private static Faults mustang(int oneIn) {
    Set<String> twins = ConcurrentHashMap.newKeySet();
    return (file, place) -> {
      String twin = twin(file);
      boolean first = twins.add(twin);
      if (place % oneIn == 0) {
        return mustangOf(file);
      }
      return first ? mustangOfTwin(twin) : List.of();
    };
  }

  private static List<String> mustangOfTwin(String twin) throws Exception {
    Path alone = Files.createTempFile("twin", ".xml");
    try {
      Files.writeString(alone, twin);
      return mustangOf(alone);
    } finally {
      Files.delete(alone);
    }
  }

  private static List<String> mustangOf(Path file) {
    ZUGFeRDValidator validator = new ZUGFeRDValidator();
    validator.disableNotices();
    String report = validator.validate(file.toString());
    List<String> faults = new ArrayList<>();
    for (Matcher error = MUSTANG_ERROR.matcher(report); error.find();) {
      faults.add(error.group(1).strip());
    }
    if (faults.isEmpty() && !validator.wasCompletelyValid()) {
      faults.add(report);
    }
    return faults;
  }

  private static String twin(Path file) throws Exception {
    if (file.toString().endsWith(".xml")) {
      return Files.readString(file);
    }
    try (PDDocument document = Loader.loadPDF(new File(file.toString()))) {
      var names = document.getDocumentCatalog().getNames();
      var tree = names == null ? null : names.getEmbeddedFiles();
      var twin = tree == null ? null : tree.getValue(TWIN);
      if (twin == null) {
        throw new IllegalStateException("the file carries no " + TWIN);
      }
      return new String(twin.getEmbeddedFile().toByteArray(), StandardCharsets.UTF_8);
    }
  }
}
