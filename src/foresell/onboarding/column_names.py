"""Names of columns in several languages, and how well a name fits a role. A name is evidence, never proof."""

from __future__ import annotations

from foresell.data.files.column_names import plain as plain

# For each role the words that name it outright, then the words that only hint at it. A word with = counts only
# as the whole name, so that "id" names rows, and customer_id does not.
VOCABULARY: dict[str, tuple[str, str]] = {
    "date": (
        "date ds day datum tag fecha dia jour data giorno dato timestamp datetime week month period woche monat "
        "semaine mois semana mes week_start week_ending sales_date sale_date order_date transaction_date invoice_date "
        "buchungsdatum belegdatum verkaufsdatum orderdate invoicedate",
        "time zeit hora created when kw julian",
    ),
    "quantity": (
        "ilosc sztuk mnozstvi pocet mennyiseg cantitate "
        "qty units quantity unit_sales units_sold sold_units sold quantity_sold qty_sold sales_qty sales_units menge "
        "absatz stueck stuck stuckzahl anzahl verkaufte_menge cantidad unidades quantite qte unites quantita pezzi "
        "aantal antal kvantitet quantidade vendido y demand nachfrage demanda ordered order_qty order_quantity pieces "
        "volume cases",
        "sales sale ventas verkauf verkaufe vente ventes vendite vendas target amount count pcs shipped",
    ),
    "revenue": (
        "wartosc wartosc_netto wartosc_brutto obrot przychod trzby "
        "revenue turnover umsatz erlos income sales_value sales_amount net_sales gross_sales net_amount gross_amount "
        "ingresos ingreso importe chiffre_d_affaires ca_ht ricavi receita omzet dollars total_price line_total "
        "total_amount extended_price sales_usd sales_eur revenue_usd revenue_eur",
        "usd eur gbp value total betrag amount netto brutto montant",
    ),
    "after": (
        "customers customer_count visitors footfall traffic transactions kunden kundenzahl besucher clientes visitas "
        "clients margin marge profit gewinn cost costs kosten cogs stock on_hand inventory lagerbestand bestand "
        "existencias weather temperature temp rain precipitation wetter temperatur oil_price dcoilwtico tax steuer "
        "returns retouren views clicks sessions",
        "guests visits passengers stock_level",
    ),
    "price": (
        "cena cena_netto cena_brutto "
        "price unit_price sell_price sales_price selling_price list_price retail_price avg_price price_usd price_eur "
        "preis verkaufspreis stuckpreis einzelpreis precio prix prezzo preco prijs pris precio_unitario prix_unitaire "
        "unitprice",
        "vk",
    ),
    "promotion": (
        "promo promotion on_promotion onpromotion on_promo is_promo is_promotion promoted promo_flag aktion angebot "
        "werbung aktionstag promocion oferta offre promozione promocao aanbieding feature on_sale sale_flag",
        "campaign deal markdown discounted advertised flyer",
    ),
    "stocked_out": (
        "stocked_out stockout stock_out out_of_stock oos is_oos sold_out ausverkauft fehlbestand rupture agotado "
        "sin_stock esaurito uitverkocht is_stockout",
        "",
    ),
    "in_stock": ("in_stock available availability verfugbar instock disponible", ""),
    "open": ("open is_open opened geoffnet offen abierto abierta ouvert aperto aberto store_open", ""),
    "closed": ("closed is_closed geschlossen cerrado ferme chiuso fechado", ""),
    "ahead": (
        "holiday holidays is_holiday school_holiday schoolholiday state_holiday stateholiday public_holiday feiertag "
        "ferien schulferien festivo feriado ferie vacances event is_event payday pay_day snap discount discount_pct "
        "discount_percent rabatt descuento remise display leaflet planned_price temperature_forecast",
        "holidays special",
    ),
    "calendar": (
        "day_of_week dayofweek weekday wday dow wochentag weekend is_weekend month year week week_of_year weekofyear "
        "quarter day_of_month jahr monat woche kw ano mes annee mois semaine month_name week_number day_name",
        "",
    ),
    "store": (
        "sklep prodejna "
        "store shop site location outlet branch warehouse channel filiale laden markt standort lager tienda sucursal "
        "magasin negozio loja winkel butik plant customer kunde cliente client account depot restaurant store_nbr "
        "store_id shop_id store_no storeid center_id warehouse_id market country",
        "",
    ),
    "item": (
        "towar zbozi "
        "item sku product article artikel produkt produto producto articulo produit prodotto articolo material "
        "item_nbr item_id product_id sku_id article_id part ean gtin upc asin stock_code stockcode meal_id model",
        "",
    ),
    "series": ("unique_id series series_id timeseries time_series_id item_store ts_id", ""),
    "row": (
        "receipt invoice order order_id order_no order_number invoice_no invoiceno invoice_id receipt_id "
        "transaction_id basket basket_id ticket bon beleg belegnummer bestellnummer auftrag auftragsnummer =line "
        "line_no =position =row row_id =id =index pedido factura facture commande",
        "",
    ),
    "group": (
        "category cat cat_id dept dept_id department family class subclass type brand segment division region state "
        "city cluster area zone district country group kategorie warengruppe abteilung marke gruppe sortiment region "
        "bundesland stadt categoria familia marca ciudad estado provincia categorie famille marque ville state_id "
        "assortment format store_type product_group product_type city_type province banner",
        "",
    ),
    "void": ("cancelled canceled is_cancelled storno storniert void voided anulado annule annullato deleted", ""),
    "country_name": ("country country_code land pais pays paese", ""),
    "event": ("event holiday feiertag festivo event_name holiday_name description name feature", "event holiday"),
}


def name_score(name: str, role: str) -> int:
    """How well a column's name fits a role.

    4: the name is a word of the role; 3: a part of the name is; 2: a part is only a hint; 1: the name contains such a
    word; 0: none of these.

    >>> name_score("UnitSales", "quantity"), name_score("store_sales", "quantity"), name_score("Customers", "quantity")
    (4, 2, 0)
    """
    outright, hints = (words.split() for words in VOCABULARY[role])
    spelled = plain(name)
    parts = spelled.split("_")
    joined = "".join(parts)
    if spelled in outright or joined in {word.strip("=").replace("_", "") for word in outright}:
        return 4
    phrases = [word for word in outright if "_" in word]
    if any(part in outright for part in parts) or any(f"_{phrase}_" in f"_{spelled}_" for phrase in phrases):
        return 3
    if any(part in hints for part in parts):
        return 2
    long_words = [word for word in (*outright, *hints) if len(word) >= 5 and not {"_", "="} & set(word)]
    return 1 if any(word in joined for word in long_words) else 0
