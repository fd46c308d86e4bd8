import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/** Requests each URL with the JDK's client as it is, which offers HTTP/2, and prints the status. */
public class OfferHttp2 {
  public static void main(String[] urls) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    for (String url : urls) {
      HttpRequest request = HttpRequest.newBuilder(URI.create(url)).build();
      System.out.println(client.send(request, BodyHandlers.ofString()).statusCode());
    }
  }
}
